/** Draws parts that are there several times (buttons, beads, lashes) in one go. */

import { InstancedMesh, type Material, Matrix4, type Mesh, type Object3D } from "three";

const inverse = new Matrix4();

/** Replaces meshes that share geometry and material by one instanced mesh; gives back how many it saved. */
export function instanceRepeats(root: Object3D, meshes: readonly Mesh[]): number {
  root.updateMatrixWorld(true);
  const groups = new Map<string, Mesh[]>();
  for (const mesh of meshes) {
    if (mesh.morphTargetInfluences?.length || Array.isArray(mesh.material)) continue;
    const key = `${mesh.geometry.uuid}/${mesh.material.uuid}/${mesh.parent?.uuid ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), mesh]);
  }
  const repeated = [...groups.values()].filter((group) => group.length > 1);
  repeated.forEach(join);
  return repeated.reduce((saved, group) => saved + group.length - 1, 0);
}

function join(group: readonly Mesh[]): void {
  const [first] = group;
  const parent = first?.parent;
  if (!first || !parent) return;
  const joined = new InstancedMesh(first.geometry, first.material as Material, group.length);
  inverse.copy(parent.matrixWorld).invert();
  group.forEach((mesh, index) => {
    joined.setMatrixAt(index, new Matrix4().multiplyMatrices(inverse, mesh.matrixWorld));
    mesh.removeFromParent();
  });
  joined.name = first.name;
  parent.add(joined);
}
