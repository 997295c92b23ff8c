import type { Words } from "../core/english";
import { LANGUAGES, type Language, chooseLanguage, pageLanguage } from "../core/language";
import { useStore } from "./useStore";

export interface LanguageHandle {
  language: Language;
  words: Words;
  choose: (language: Language) => void;
}

/** The language of the page, and its words; the component is drawn again when another one is chosen. */
export function useLanguage(): LanguageHandle {
  const language = useStore(pageLanguage());
  return { language, words: LANGUAGES[language].words, choose: chooseLanguage };
}
