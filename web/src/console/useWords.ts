import { LANGUAGES, pageLanguage } from "../core/language";
import { useStore } from "../hooks/useStore";
import { CHINESE } from "./chinese";
import { type ConsoleWords, ENGLISH } from "./words";

/** The words of the page in its language, and the language for dates. */
export function useWords(): { words: ConsoleWords; locale: string } {
  const language = useStore(pageLanguage());
  return { words: language === "zh" ? CHINESE : ENGLISH, locale: language === "zh" ? LANGUAGES.zh.tag : "en-GB" };
}
