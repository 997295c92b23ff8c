import type { ReactNode } from "react";

import { LANGUAGES, type Language } from "../core/language";
import { useLanguage } from "../hooks/useLanguage";

/** In which language the page is; what is spoken depends on the conversation. */
export function LanguageChoice(): ReactNode {
  const { language, words, choose } = useLanguage();
  return (
    <label className="choice">
      <span className="hidden">{words.language}</span>
      <select value={language} onChange={({ target }) => choose(target.value as Language)}>
        {Object.entries(LANGUAGES).map(([each, { name, tag }]) => (
          <option key={each} value={each} lang={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
