import { type ReactNode, useEffect, useRef, useState } from "react";

import type { OptimizedDigitalHuman } from "../avatar/digitalHuman";
import type { Mood } from "../avatar/idle";
import type { FaceFeed } from "../core/faceFeed";
import { AVATAR_PATH } from "../core/realtime";
import { askedQuality } from "../core/quality";
import type { ResourceManager } from "../core/resources";
import type { CallState } from "../core/voiceConversation";
import { useLanguage } from "../hooks/useLanguage";
import { useResourceManager } from "../hooks/useResourceManager";

/** The face. Whatever goes wrong with it is thrown at the error boundary around it. */
export function AvatarView({ source, state }: { source: FaceFeed; state: CallState }): ReactNode {
  const { words } = useLanguage();
  const place = useRef<HTMLDivElement>(null);
  const [human, setHuman] = useState<OptimizedDigitalHuman | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const resources = useResourceManager();

  useEffect(() => {
    const canvas = document.createElement("canvas"); // It serves one renderer in its life.
    let wanted = true;
    const fail = (cause: unknown): void => {
      if (wanted) setError(new Error("the face cannot be drawn", { cause }));
    };
    place.current?.append(canvas);
    resources.register(() => canvas.remove());
    resources.register(() => (wanted = false));
    show(canvas, source, fail, () => wanted, resources).then((made) => {
      if (made) setHuman(made);
    }, fail);
    return () => void resources.release();
  }, [source, resources]);

  useEffect(() => {
    human?.setMood(moodOf(state));
  }, [human, state]);

  if (error) throw error;
  return (
    <div className="avatar" ref={place} role="img" aria-label={words.face} data-ready={human !== null}>
      {!human && <div className="silhouette" aria-hidden="true" />}
    </div>
  );
}

async function show(
  canvas: HTMLCanvasElement,
  source: FaceFeed,
  onError: (error: unknown) => void,
  wanted: () => boolean,
  resources: ResourceManager,
): Promise<OptimizedDigitalHuman | null> {
  const { OptimizedDigitalHuman } = await import("../avatar/digitalHuman");
  if (!wanted()) return null;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const human = new OptimizedDigitalHuman({
    canvas,
    source,
    url: avatarUrl(location.search, document.baseURI),
    quality: askedQuality(location.search),
    calm: calm.matches,
    onError,
  });
  resources.register(() => human.dispose());
  const changed = (): void => human.setCalm(calm.matches);
  calm.addEventListener("change", changed);
  resources.register(() => calm.removeEventListener("change", changed));
  await human.start();
  return wanted() ? human : null;
}

/** `?avatar=` names another head, of this host only: no request leaves it. */
export function avatarUrl(search: string, base: string): string {
  const own = new URL(AVATAR_PATH, base);
  const asked = new URLSearchParams(search).get("avatar");
  if (!asked) return own.href;
  const url = new URL(asked, base);
  return url.origin === own.origin ? url.href : own.href;
}

function moodOf(state: CallState): Mood {
  return state === "calling" || state === "reconnecting" || state === "failed" ? "idle" : state;
}
