/** Where eyes, chin and neck of a head are: found by which vertices its shapes move. */

import { type Mesh, Vector3 } from "three";

export interface Landmarks {
  /** Between the eyes. */
  eyes: Vector3;
  chinY: number;
  /** From the chin up to the eyes: the measure of all else. */
  faceHeight: number;
  /** The middle of the skull, seen from the side. */
  depth: number;
}

/** Vertices that move at least this share of the farthest one count. */
const SHARE = 0.35;
const at = new Vector3();

export function findLandmarks(meshes: readonly Mesh[]): Landmarks | null {
  const face = meshes.find((mesh) => has(mesh, "eyeBlinkLeft") && has(mesh, "jawOpen"));
  if (!face) return null;
  const left = moved(face, "eyeBlinkLeft");
  const right = moved(face, "eyeBlinkRight");
  const jaw = moved(face, "jawOpen");
  if (left.length === 0 || jaw.length === 0) return null;
  const eyes = mean(left).add(mean(right.length > 0 ? right : left)).divideScalar(2);
  const chinY = Math.min(...jaw.map(({ y }) => y));
  const faceHeight = Math.max(1e-6, eyes.y - chinY);
  return { eyes, chinY, faceHeight, depth: eyes.z - 0.8 * faceHeight };
}

function has(mesh: Mesh, name: string): boolean {
  return mesh.morphTargetDictionary?.[name] !== undefined;
}

/** The vertices that a shape moves most. */
function moved(mesh: Mesh, name: string): Vector3[] {
  const deltas = mesh.geometry.morphAttributes.position?.[mesh.morphTargetDictionary?.[name] ?? -1];
  const positions = mesh.geometry.getAttribute("position");
  if (!deltas) return [];
  const lengths = Array.from({ length: deltas.count }, (_, index) => at.fromBufferAttribute(deltas, index).length());
  const least = SHARE * lengths.reduce((most, length) => Math.max(most, length), 1e-9);
  return lengths.flatMap((length, index) =>
    length < least ? [] : [new Vector3().fromBufferAttribute(positions, index).applyMatrix4(mesh.matrixWorld)],
  );
}

function mean(points: readonly Vector3[]): Vector3 {
  return points.reduce((sum, point) => sum.add(point), new Vector3()).divideScalar(Math.max(1, points.length));
}
