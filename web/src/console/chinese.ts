import { type ConsoleWords, ENGLISH } from "./words";
export const CHINESE: ConsoleWords = ENGLISH;
