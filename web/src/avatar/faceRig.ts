/** Puts a frame on a head: weights on its shapes, the pose on its neck and eyes. */

import { Euler, type Mesh, type Object3D, Quaternion } from "three";

import { channel } from "../core/channels";
import { ARKIT_NAMES } from "../core/protocol";
import type { Joint } from "./neck";
import { OCULUS_NAMES, OculusMouth } from "./oculus";
import { SparseMorph } from "./sparseMorph";

/** Smaller changes are not written. */
const LEAST = 1e-3;
/** An eye that looks 30 degrees aside has its shape at 1. */
const FULL_LOOK = Math.PI / 6;

const POSE = channel("headPitch");
const LEFT_EYE = channel("leftEyePitch");
const RIGHT_EYE = channel("rightEyePitch");
const turn = new Quaternion();
const angles = new Euler(0, 0, 0, "YXZ");

/** Which influence of a mesh each channel (or viseme) drives; -1 for none. */
interface Shapes {
  influences: number[];
  channels: Int16Array;
  visemes: Int16Array | null;
}

interface Turned {
  node: Object3D;
  rest: Quaternion;
  share: number;
}

export class FaceRig {
  private readonly shapes: Shapes[];
  private readonly neck: Turned[];
  private readonly eyes: [Turned | null, Turned | null];
  private readonly mouth: OculusMouth | null;
  private sparse: SparseMorph[] = [];

  constructor(
    private readonly meshes: readonly Mesh[],
    neck: readonly Joint[],
    eyes: readonly [Object3D | null, Object3D | null],
  ) {
    const mouths = meshes.some(({ morphTargetDictionary }) => morphTargetDictionary?.jawOpen !== undefined);
    this.shapes = meshes.flatMap((mesh) => shapesOf(mesh, !mouths) ?? []);
    this.mouth = this.shapes.some(({ visemes }) => visemes) ? new OculusMouth() : null;
    this.neck = neck.map(({ node, share }) => ({ node, share, rest: node.quaternion.clone() }));
    this.eyes = [turned(eyes[0]), turned(eyes[1])];
  }

  /** From now on shapes are blended on the processor. */
  blendOnProcessor(): void {
    this.sparse = this.shapes.map((shapes) => {
      const mesh = this.meshes.find(({ morphTargetInfluences }) => morphTargetInfluences === shapes.influences);
      if (!mesh) throw new Error("a mesh has lost its shapes");
      const sparse = new SparseMorph(mesh);
      shapes.influences = sparse.influences;
      return sparse;
    });
  }

  apply(frame: Float32Array): void {
    this.look(frame);
    this.mouth?.read(frame);
    for (const shapes of this.shapes) {
      write(shapes.influences, shapes.channels, frame);
      if (shapes.visemes && this.mouth) write(shapes.influences, shapes.visemes, this.mouth.weights);
    }
    for (const sparse of this.sparse) sparse.apply();
    for (const joint of this.neck) rotate(joint, frame, POSE);
  }

  /** Turns the eyes; those that have no node of their own look by their shapes. */
  private look(frame: Float32Array): void {
    const [left, right] = this.eyes;
    if (left && right) {
      rotate(left, frame, LEFT_EYE);
      rotate(right, frame, RIGHT_EYE);
    } else {
      lookByShapes(frame, LEFT_EYE, LEFT);
      lookByShapes(frame, RIGHT_EYE, RIGHT);
    }
  }
}

interface Look {
  down: number;
  up: number;
  /** To the person's own left, and right. */
  left: number;
  right: number;
}

const LEFT: Look = {
  down: channel("eyeLookDownLeft"),
  up: channel("eyeLookUpLeft"),
  left: channel("eyeLookOutLeft"),
  right: channel("eyeLookInLeft"),
};
const RIGHT: Look = {
  down: channel("eyeLookDownRight"),
  up: channel("eyeLookUpRight"),
  left: channel("eyeLookInRight"),
  right: channel("eyeLookOutRight"),
};

/** The pose says where an eye looks; the frame may say it by shapes too, and the larger one counts. */
function lookByShapes(frame: Float32Array, pose: number, look: Look): void {
  const pitch = (frame[pose] ?? 0) / FULL_LOOK;
  const yaw = (frame[pose + 1] ?? 0) / FULL_LOOK;
  raise(frame, look.down, pitch);
  raise(frame, look.up, -pitch);
  raise(frame, look.left, yaw);
  raise(frame, look.right, -yaw);
}

function raise(frame: Float32Array, index: number, value: number): void {
  frame[index] = Math.min(1, Math.max(frame[index] ?? 0, value));
}

function write(influences: number[], targets: Int16Array, values: Float32Array): void {
  for (let index = 0; index < targets.length; index++) {
    const target = targets[index] ?? -1;
    if (target < 0) continue;
    const value = values[index] ?? 0;
    if (Math.abs((influences[target] ?? 0) - value) > LEAST) influences[target] = value;
  }
}

/** Pitch positive looks down, yaw to the person's own left, roll to their right; the face looks along +z. */
function rotate({ node, rest, share }: Turned, frame: Float32Array, pose: number): void {
  const roll = pose === POSE ? (frame[pose + 2] ?? 0) : 0;
  angles.set((frame[pose] ?? 0) * share, (frame[pose + 1] ?? 0) * share, roll * share);
  node.quaternion.multiplyQuaternions(turn.setFromEuler(angles), rest);
}

function turned(node: Object3D | null): Turned | null {
  return node && { node, rest: node.quaternion.clone(), share: 1 };
}

function shapesOf(mesh: Mesh, byVisemes: boolean): Shapes | null {
  const { morphTargetDictionary: names, morphTargetInfluences: influences } = mesh;
  if (!names || !influences) return null;
  const place = (...spellings: string[]): number => {
    const spelling = spellings.find((one) => names[one] !== undefined);
    return spelling === undefined ? -1 : (names[spelling] ?? -1);
  };
  const channels = Int16Array.from(ARKIT_NAMES, (name) => place(name, spelledUnderscore(name)));
  const visemes = Int16Array.from(OCULUS_NAMES, (name) => place(`viseme_${name}`, `viseme_${name.toLowerCase()}`));
  return { influences, channels, visemes: byVisemes && visemes.some((index) => index >= 0) ? visemes : null };
}

/** Some tools write `eyeBlink_L` for `eyeBlinkLeft`. */
function spelledUnderscore(name: string): string {
  return name.replace(/Left$/, "_L").replace(/Right$/, "_R");
}
