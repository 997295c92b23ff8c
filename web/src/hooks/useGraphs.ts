import { useCallback, useEffect, useState } from "react";

import { type Failure, asFailure } from "../core/failures";
import { fetchGraphs } from "../core/graphs";
import type { GraphList } from "../core/realtime";

export interface GraphsHandle {
  list: GraphList | null;
  failure: Failure | null;
  retry: () => void;
}

/** Which conversations the host offers. */
export function useGraphs(): GraphsHandle {
  const [list, setList] = useState<GraphList | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const load = useCallback(() => {
    fetchGraphs().then(
      (graphs) => {
        setList(graphs);
        setFailure(null);
      },
      (error: unknown) => setFailure(asFailure(error)),
    );
  }, []);
  useEffect(load, [load]);
  return { list, failure, retry: load };
}
