import "../ui/styles/page.css";
import "./styles/console.css";
import "./styles/timeline.css";

import { StrictMode, type ReactNode } from "react";
import { createRoot } from "react-dom/client";

import { ErrorBoundary } from "../ui/ErrorBoundary";
import { useWords } from "./useWords";

/** Puts an operator's page into the document. */
export function mount(page: ReactNode): void {
  const root = document.getElementById("page");
  if (!root) throw new Error("the document has no element with the id `page`");
  createRoot(root).render(
    <StrictMode>
      <ErrorBoundary fallback={() => <Crashed />}>{page}</ErrorBoundary>
    </StrictMode>,
  );
}

function Crashed(): ReactNode {
  const { words } = useWords();
  return (
    <p className="crashed" role="alert">
      {words.crashed}
    </p>
  );
}
