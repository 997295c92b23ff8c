/**
 * Blends the shapes of a mesh on the processor: the vertices that a shape does not move cost
 * nothing. Much faster than a shader where the graphics are drawn by software.
 */

import type { BufferAttribute, InterleavedBufferAttribute, Mesh, TypedArray } from "three";

interface Shape {
  vertices: Uint32Array;
  deltas: Float32Array;
}

/** Smaller changes are not seen. */
const LEAST = 1e-3;
/** Smaller movements, as a share of the largest, are left out. */
const STILL = 1e-3;

export class SparseMorph {
  /** To be written in place of `mesh.morphTargetInfluences`. */
  readonly influences: number[];
  private readonly applied: Float32Array;
  private readonly base: Float32Array;
  private readonly shapes: Shape[];
  private readonly positions: BufferAttribute;

  /** Takes the shapes off the mesh. */
  constructor(mesh: Mesh) {
    const { geometry } = mesh;
    this.positions = geometry.getAttribute("position") as BufferAttribute;
    this.base = Float32Array.from(this.positions.array);
    this.shapes = (geometry.morphAttributes.position ?? []).map(sparse);
    this.influences = this.shapes.map(() => 0);
    this.applied = new Float32Array(this.shapes.length);
    geometry.morphAttributes = {};
    geometry.morphTargetsRelative = false;
    mesh.morphTargetInfluences = undefined;
    geometry.dispose(); // What is on the graphics card has the shapes still.
  }

  /** Moves the vertices; says whether anything changed. */
  apply(): boolean {
    if (!this.changed()) return false;
    const { array } = this.positions;
    array.set(this.base);
    for (let index = 0; index < this.shapes.length; index++) {
      const weight = this.influences[index] ?? 0;
      this.applied[index] = weight;
      const shape = this.shapes[index];
      if (shape && Math.abs(weight) > LEAST) add(array, shape, weight);
    }
    this.positions.needsUpdate = true;
    return true;
  }

  private changed(): boolean {
    for (let index = 0; index < this.shapes.length; index++) {
      if (Math.abs((this.influences[index] ?? 0) - (this.applied[index] ?? 0)) > LEAST) return true;
    }
    return false;
  }
}

function add(array: TypedArray, { vertices, deltas }: Shape, weight: number): void {
  for (let entry = 0; entry < vertices.length; entry++) {
    const to = 3 * (vertices[entry] ?? 0);
    const from = 3 * entry;
    array[to] = (array[to] ?? 0) + weight * (deltas[from] ?? 0);
    array[to + 1] = (array[to + 1] ?? 0) + weight * (deltas[from + 1] ?? 0);
    array[to + 2] = (array[to + 2] ?? 0) + weight * (deltas[from + 2] ?? 0);
  }
}

function sparse(attribute: BufferAttribute | InterleavedBufferAttribute): Shape {
  const vertices: number[] = [];
  const deltas: number[] = [];
  let most = 0;
  for (let vertex = 0; vertex < attribute.count; vertex++) most = Math.max(most, size(attribute, vertex));
  for (let vertex = 0; vertex < attribute.count; vertex++) {
    if (size(attribute, vertex) <= most * STILL) continue;
    vertices.push(vertex);
    deltas.push(attribute.getX(vertex), attribute.getY(vertex), attribute.getZ(vertex));
  }
  return { vertices: Uint32Array.from(vertices), deltas: Float32Array.from(deltas) };
}

function size(attribute: BufferAttribute | InterleavedBufferAttribute, vertex: number): number {
  return Math.hypot(attribute.getX(vertex), attribute.getY(vertex), attribute.getZ(vertex));
}
