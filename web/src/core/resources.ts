/** Clean-ups that are registered as things are opened, and run once in reverse order. */
export class ResourceManager {
  private cleanUps: (() => void)[] = [];

  /** Registers a clean-up; what is given back takes it off the list again. */
  register(cleanUp: () => void): () => void {
    this.cleanUps.push(cleanUp);
    return () => {
      this.cleanUps = this.cleanUps.filter((other) => other !== cleanUp);
    };
  }

  /** Runs all clean-ups, the last one first, even if one throws; gives back what was thrown. */
  release(): unknown[] {
    const errors: unknown[] = [];
    for (let cleanUp = this.cleanUps.pop(); cleanUp; cleanUp = this.cleanUps.pop()) {
      try {
        cleanUp();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}
