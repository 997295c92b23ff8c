/** A head of six vertices, with the shapes that are needed to find its way about. */

import { BufferAttribute, BufferGeometry, Group, Mesh, MeshStandardMaterial } from "three";

/** By row: eyes, chin, neck, shoulders; the face looks along +z. */
const POINTS = [
  [-0.03, 0, 0.02],
  [0.03, 0, 0.02],
  [0, -0.1, 0.02],
  [0, 0.1, -0.05],
  [-0.2, -0.3, -0.05],
  [0.2, -0.3, -0.05],
] as const;

export const EYE = 0;
export const CHIN = 2;
export const SHOULDER = 4;

/** Which vertex each shape moves down by how much. */
type Shapes = Record<string, [vertex: number, by: number]>;

const ARKIT: Shapes = { eyeBlinkLeft: [1, 0.01], eyeBlinkRight: [0, 0.01], jawOpen: [CHIN, 0.04] };

export function placeholder(shapes: Shapes = ARKIT, name = "skin"): Group {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(Float32Array.from(POINTS.flat()), 3));
  geometry.setIndex([0, 1, 2, 3, 4, 5]);
  geometry.morphTargetsRelative = true;
  geometry.morphAttributes.position = Object.values(shapes).map(([vertex, by]) => {
    const deltas = new Float32Array(POINTS.length * 3);
    deltas[vertex * 3 + 1] = -by;
    return new BufferAttribute(deltas, 3);
  });
  const mesh = new Mesh(geometry, new MeshStandardMaterial({ name: "skin" }));
  mesh.morphTargetDictionary = Object.fromEntries(Object.keys(shapes).map((shape, index) => [shape, index]));
  mesh.name = name;
  const root = new Group();
  root.add(mesh);
  return root;
}
