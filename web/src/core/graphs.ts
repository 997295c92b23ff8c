/** Which conversations the host offers. */

import { asFailure, failureOf } from "./failures";
import { GRAPHS_PATH, type GraphList } from "./realtime";
import { pageToken } from "./token";

export async function fetchGraphs(base = document.baseURI): Promise<GraphList> {
  const response = await fetch(new URL(GRAPHS_PATH, base), { headers: pageToken().headers() }).catch((error: unknown) => {
    throw asFailure(error, "unreachable");
  });
  if (!response.ok) throw await failureOf(response);
  return (await response.json()) as GraphList;
}
