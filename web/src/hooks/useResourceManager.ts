import { useEffect, useState } from "react";

import { ResourceManager } from "../core/resources";

/** A list of clean-ups that are run once, the last one first, when the component goes. */
export function useResourceManager(): ResourceManager {
  const [resources] = useState(() => new ResourceManager());
  useEffect(() => () => void resources.release(), [resources]);
  return resources;
}
