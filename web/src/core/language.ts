/** The language of the page: chosen, remembered, or that of the browser. */

import { CHINESE } from "./chinese";
import { ENGLISH, type Words } from "./english";
import { Store } from "./store";

export type Language = "en" | "zh";

interface Translation {
  /** In its own words. */
  name: string;
  /** BCP 47, with the script. */
  tag: string;
  words: Words;
}

export const LANGUAGES: Record<Language, Translation> = {
  en: { name: "English", tag: "en", words: ENGLISH },
  zh: { name: "中文", tag: "zh-Hans", words: CHINESE },
};

const KEY = "vitagraph.language";

/** What was chosen before, else the first language of the browser that the page has, else English. */
export function initialLanguage(remembered: string | null, browser: readonly string[]): Language {
  const known = [remembered ?? "", ...browser].map((tag) => tag.toLowerCase().split("-")[0] ?? "");
  return known.find(isLanguage) ?? "en";
}

function isLanguage(name: string): name is Language {
  return Object.hasOwn(LANGUAGES, name);
}

/** Chooses the language of the page for this visit and the next ones. */
export function chooseLanguage(language: Language): void {
  pageLanguage().set(language);
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // Storage is switched off: the choice holds for this visit.
  }
}

let own: Store<Language> | null = null;

/** The one of this page; `<html lang>` follows it. */
export function pageLanguage(): Store<Language> {
  if (own) return own;
  const store = (own = new Store(initialLanguage(remembered(), navigator.languages)));
  const apply = (): void => void (document.documentElement.lang = LANGUAGES[store.get()].tag);
  store.subscribe(apply);
  apply();
  return store;
}

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
