/**
 * Lets a head turn on its shoulders.
 *
 * A model with bones turns by them. One without, all of a piece, is given a head bone here:
 * what is above the chin follows it wholly, the shoulders not at all, the neck in between.
 */

import {
  Bone,
  type BufferGeometry,
  Float32BufferAttribute,
  Group,
  type Matrix4,
  Mesh,
  type Object3D,
  Skeleton,
  SkinnedMesh,
  Uint16BufferAttribute,
  Vector3,
} from "three";

import type { Landmarks } from "./landmarks";

const at = new Vector3();

/** What turns, and how much of the turn each takes. */
export interface Joint {
  node: Object3D;
  share: number;
}

/** The bones that turn the head. The meshes of `root` may be replaced by skinned ones. */
export function findNeck(root: Object3D, landmarks: Landmarks | null): Joint[] {
  const head = namedBone(root, /^(mixamorig:?)?head$/i);
  const neck = namedBone(root, /^(mixamorig:?)?neck(0?1)?$/i);
  if (head) return neck ? [{ node: head, share: 0.65 }, { node: neck, share: 0.35 }] : [{ node: head, share: 1 }];
  return [{ node: landmarks ? addHeadBone(root, landmarks) : wrap(root), share: 1 }];
}

function namedBone(root: Object3D, name: RegExp): Object3D | null {
  let found: Object3D | null = null;
  root.traverse((node) => {
    if (!found && !(node instanceof Mesh) && name.test(node.name)) found = node;
  });
  return found;
}

/** Without landmarks nothing is known of shoulders: the whole model turns. */
function wrap(root: Object3D): Object3D {
  const group = new Group();
  for (const child of [...root.children]) group.add(child);
  root.add(group);
  return group;
}

function addHeadBone(root: Object3D, landmarks: Landmarks): Bone {
  const still = new Bone();
  const head = new Bone();
  // Where the skull sits on the spine: a little above the chin, below the middle of the skull.
  head.position.set(0, landmarks.chinY + 0.25 * landmarks.faceHeight, landmarks.depth);
  still.add(head);
  root.add(still);
  root.updateMatrixWorld(true);
  const skeleton = new Skeleton([still, head]);
  for (const mesh of meshesOf(root)) bindTo(mesh, skeleton, landmarks);
  return head;
}

export function meshesOf(root: Object3D): Mesh[] {
  const meshes: Mesh[] = [];
  root.traverse((node) => {
    if (node instanceof Mesh) meshes.push(node as Mesh);
  });
  return meshes;
}

function bindTo(mesh: Mesh, skeleton: Skeleton, landmarks: Landmarks): void {
  const geometry = weigh(mesh.geometry.clone(), mesh.matrixWorld, landmarks);
  const skinned = new SkinnedMesh(geometry, mesh.material);
  skinned.name = mesh.name;
  skinned.applyMatrix4(mesh.matrix);
  if (mesh.morphTargetDictionary) skinned.morphTargetDictionary = mesh.morphTargetDictionary;
  for (const child of [...mesh.children]) skinned.add(child);
  mesh.parent?.add(skinned);
  mesh.removeFromParent();
  skinned.bind(skeleton, mesh.matrixWorld);
}

function weigh(geometry: BufferGeometry, toModel: Matrix4, { chinY, faceHeight, depth }: Landmarks): BufferGeometry {
  const positions = geometry.getAttribute("position");
  const indices = new Uint16Array(positions.count * 4);
  const weights = new Float32Array(positions.count * 4);
  for (let vertex = 0; vertex < positions.count; vertex++) {
    at.fromBufferAttribute(positions, vertex).applyMatrix4(toModel);
    // The nape bends higher up than the throat.
    const behind = Math.max(0, depth + 0.3 * faceHeight - at.z) * 0.5;
    const height = (at.y - behind - (chinY - 0.75 * faceHeight)) / (0.85 * faceHeight);
    const share = Math.min(1, Math.max(0, height));
    const eased = share * share * (3 - 2 * share);
    indices[vertex * 4 + 1] = 1;
    weights[vertex * 4] = 1 - eased;
    weights[vertex * 4 + 1] = eased;
  }
  geometry.setAttribute("skinIndex", new Uint16BufferAttribute(indices, 4));
  geometry.setAttribute("skinWeight", new Float32BufferAttribute(weights, 4));
  return geometry;
}
