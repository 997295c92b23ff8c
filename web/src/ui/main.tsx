import "./styles/page.css";
import "./styles/stage.css";
import "./styles/talk.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { LANGUAGES, pageLanguage } from "../core/language";
import { CallPage } from "./CallPage";
import { ErrorBoundary } from "./ErrorBoundary";

const root = document.getElementById("page");
if (!root) throw new Error("index.html has no element with the id `page`");
createRoot(root).render(
  <StrictMode>
    <ErrorBoundary
      fallback={() => (
        <p className="crashed" role="alert">
          {LANGUAGES[pageLanguage().get()].words.crashed}
        </p>
      )}
    >
      <CallPage />
    </ErrorBoundary>
  </StrictMode>,
);
