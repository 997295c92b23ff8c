/** The face on the page: each frame from what was sent for this moment, or from idle life. */

import { PerspectiveCamera, Scene, WebGLRenderer } from "three";

import type { AvatarTrack } from "../core/avatarTrack";
import { DigitalHumanAnimator } from "../core/digitalHumanAnimator";
import { AVATAR_VALUES } from "../core/protocol";
import { type Quality, QualityMeter, pixelRatio } from "../core/quality";
import { type Head, loadHead } from "./head";
import { IdleLife, type Mood } from "./idle";
import { disposeModel, dress, light } from "./look";
import { drawnBySoftware } from "./renderer";

/** What the face is fed with. */
export interface FaceSource {
  track: AvatarTrack;
  /** The RTP time that is heard at this moment; null while nothing is. */
  heardAt(nowMs: number): number | null;
}

/** How fast sent frames take over from idle life, and give way to it. */
const FADE_IN_MS = 80;
const FADE_OUT_MS = 120;

/** Makes frames; knows nothing of how a face is drawn. */
export class DigitalHuman {
  readonly idle: IdleLife;
  private readonly frame = new Float32Array(AVATAR_VALUES);
  private readonly sent = new Float32Array(AVATAR_VALUES);
  private share = 0;
  private lastMs = 0;

  constructor(
    private readonly source: FaceSource,
    idle = new IdleLife(),
  ) {
    this.idle = idle;
  }

  /** The face of this moment; the same array each time. */
  at(nowMs: number): Float32Array {
    const elapsed = Math.max(0, nowMs - this.lastMs);
    this.lastMs = nowMs;
    this.idle.write(this.frame, nowMs);
    const heard = this.source.heardAt(nowMs);
    const live = heard !== null && this.source.track.sample(heard, this.sent);
    const step = live ? elapsed / FADE_IN_MS : -elapsed / FADE_OUT_MS;
    this.share = Math.min(1, Math.max(0, this.share + step));
    if (this.share > 0) this.mix();
    return this.frame;
  }

  private mix(): void {
    for (let index = 0; index < AVATAR_VALUES; index++) {
      const before = this.frame[index] ?? 0;
      this.frame[index] = before + ((this.sent[index] ?? 0) - before) * this.share;
    }
  }
}

export interface HumanOptions {
  canvas: HTMLCanvasElement;
  source: FaceSource;
  url: string;
  /** null: measured. */
  quality: Quality | null;
  calm: boolean;
  /** Told of what breaks while it is drawn. */
  onError(error: unknown): void;
}

/**
 * Draws a digital human. Geometries, materials and scratch memory are made once; a frame
 * allocates nothing and touches no framework.
 */
export class OptimizedDigitalHuman {
  private readonly human: DigitalHuman;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(24, 1, 0.01, 20);
  private readonly renderer: WebGLRenderer;
  private readonly animator: DigitalHumanAnimator<Float32Array>;
  private readonly meter: QualityMeter | null;
  private readonly watcher: ResizeObserver;
  private head: Head | null = null;
  private quality: Quality;
  private unlight: () => void;
  private request = 0;
  private disposed = false;

  constructor(private readonly options: HumanOptions) {
    this.quality = options.quality ?? (drawnBySoftware() ? "low" : "high");
    this.meter = options.quality || this.quality === "low" ? null : new QualityMeter();
    this.human = new DigitalHuman(options.source);
    this.human.idle.calm = options.calm;
    this.renderer = new WebGLRenderer({
      canvas: options.canvas,
      alpha: true,
      antialias: this.quality !== "low",
      powerPreference: "high-performance",
    });
    this.animator = new DigitalHumanAnimator((_, frame) => this.draw(frame));
    this.unlight = light(this.scene, this.renderer, this.quality);
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(options.canvas);
  }

  /** Loads the head and begins to draw. */
  async start(): Promise<void> {
    const head = await loadHead(this.options.url);
    if (this.disposed) {
      disposeModel(head.root);
      return;
    }
    this.show(head);
    this.request = requestAnimationFrame(this.tick);
  }

  setMood(mood: Mood): void {
    this.human.idle.mood = mood;
  }

  setCalm(calm: boolean): void {
    this.human.idle.calm = calm;
  }

  dispose(): void {
    this.disposed = true;
    cancelAnimationFrame(this.request);
    this.watcher.disconnect();
    this.unlight();
    if (this.head) disposeModel(this.head.root);
    this.renderer.dispose();
  }

  private show(head: Head): void {
    this.head = head;
    this.scene.add(head.root);
    if (this.quality === "low") head.rig.blendOnProcessor();
    dress(head.meshes, this.quality);
    this.resize();
  }

  private readonly tick = (nowMs: number): void => {
    try {
      this.animator.scheduleUpdate("face", this.human.at(nowMs));
      if (this.animator.flush(nowMs) && this.meter?.frame(nowMs) === "low") this.simplify();
      this.request = requestAnimationFrame(this.tick);
    } catch (error) {
      this.options.onError(error);
    }
  };

  private draw(frame: Float32Array): void {
    this.head?.rig.apply(frame);
    this.renderer.render(this.scene, this.camera);
  }

  /** This machine is too slow for the finer face. */
  private simplify(): void {
    if (!this.head || this.quality === "low") return;
    this.quality = "low";
    this.unlight();
    this.unlight = light(this.scene, this.renderer, "low");
    this.head.rig.blendOnProcessor();
    dress(this.head.meshes, "low");
    this.resize();
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.options.canvas;
    if (width === 0 || height === 0) return;
    this.renderer.setPixelRatio(pixelRatio(this.quality, width, height, devicePixelRatio));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.aim();
  }

  /** Head and shoulders: the eyes a little above the middle, whatever shape the canvas has. */
  private aim(): void {
    if (!this.head) return;
    const { focus, faceHeight } = this.head;
    const tall = Math.max(3.6, 3.1 / this.camera.aspect) * faceHeight;
    const distance = tall / 2 / Math.tan((this.camera.fov * Math.PI) / 360);
    const middle = focus.y - 0.1 * tall;
    this.camera.position.set(focus.x, middle, focus.z + distance);
    this.camera.lookAt(focus.x, middle, focus.z);
    this.camera.updateProjectionMatrix();
  }
}
