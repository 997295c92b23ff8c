import { Component, type ReactNode } from "react";

interface Props {
  children: ReactNode;
  /** Shown in place of what has crashed; `retry` tries it anew. */
  fallback(error: Error, retry: () => void): ReactNode;
}

/** Keeps a crash to the part of the page where it happened. */
export class ErrorBoundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error ? this.props.fallback(error, () => this.setState({ error: null })) : this.props.children;
  }
}
