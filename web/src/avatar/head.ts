/** Loads a head: any GLB with ARKit or Oculus shapes. */

import {
  ClampToEdgeWrapping,
  LinearFilter,
  LinearMipmapLinearFilter,
  type Mesh,
  type Object3D,
  RepeatWrapping,
  Texture,
  Vector3,
  Box3,
} from "three";
import { type GLTF, GLTFLoader, type GLTFLoaderPlugin, type GLTFParser } from "three/addons/loaders/GLTFLoader.js";

import { FaceRig } from "./faceRig";
import { instanceRepeats } from "./instances";
import { type Landmarks, findLandmarks } from "./landmarks";
import { findNeck, meshesOf } from "./neck";

export interface Head {
  root: Object3D;
  meshes: readonly Mesh[];
  rig: FaceRig;
  /** Where to look at, and how large the face is. */
  focus: Vector3;
  faceHeight: number;
}

/** A model that cannot be used as a head. */
export class HeadError extends Error {
  override readonly name = "HeadError";
}

export async function loadHead(url: string): Promise<Head> {
  const loader = new GLTFLoader().register((parser) => new EmbeddedTextures(parser));
  return headOf((await loader.loadAsync(url)).scene);
}

/** Reads a head from the bytes of a GLB. */
export async function parseHead(bytes: ArrayBuffer): Promise<Head> {
  const loader = new GLTFLoader().register((parser) => new EmbeddedTextures(parser));
  const { scene }: GLTF = await loader.parseAsync(bytes, "");
  return headOf(scene);
}

export function headOf(root: Object3D): Head {
  root.updateMatrixWorld(true);
  if (!meshesOf(root).some(({ morphTargetDictionary }) => morphTargetDictionary)) {
    throw new HeadError("the model has no shapes: a GLB with the 52 ARKit or the 15 Oculus shapes is needed");
  }
  instanceRepeats(root, meshesOf(root));
  const landmarks = findLandmarks(meshesOf(root));
  const neck = findNeck(root, landmarks);
  const meshes = meshesOf(root);
  for (const mesh of meshes) mesh.frustumCulled = false; // Shapes and bones move it out of its bounds.
  const rig = new FaceRig(meshes, neck, [
    eyeNode(root, /^(left_?eye|eye_?l(eft)?|eye\.l|l_?eye)$/i),
    eyeNode(root, /^(right_?eye|eye_?r(ight)?|eye\.r|r_?eye)$/i),
  ]);
  return { root, meshes, rig, ...focusOf(root, landmarks) };
}

/** A node can turn an eye only if it lies in its middle. */
function eyeNode(root: Object3D, name: RegExp): Object3D | null {
  let found: Object3D | null = null;
  root.traverse((node) => {
    if (name.test(node.name) && centred(node)) found ??= node;
  });
  return found;
}

function centred(node: Object3D): boolean {
  const { geometry } = node as Partial<Mesh>;
  if (!geometry) return true;
  geometry.computeBoundingSphere();
  const sphere = geometry.boundingSphere;
  return sphere !== null && sphere.center.length() < 0.3 * sphere.radius;
}

/** Without landmarks the upper part of the model is taken for the face. */
function focusOf(root: Object3D, landmarks: Landmarks | null): Pick<Head, "focus" | "faceHeight"> {
  if (landmarks) {
    return { focus: landmarks.eyes.clone().setX(0), faceHeight: landmarks.faceHeight };
  }
  const box = new Box3().setFromObject(root);
  const size = box.getSize(new Vector3());
  const height = Math.min(size.y, size.x * 1.4);
  return { focus: new Vector3(0, box.max.y - 0.45 * height, box.max.z), faceHeight: 0.45 * height };
}

/**
 * Decodes the pictures inside a GLB straight from its bytes. The loader's own way fetches a
 * blob: address, which a strict content security policy forbids.
 */
class EmbeddedTextures implements GLTFLoaderPlugin {
  readonly name = "VITAGRAPH_embedded_textures";

  constructor(private readonly parser: GLTFParser) {}

  loadTexture(index: number): Promise<Texture> | null {
    const json = this.parser.json as GltfJson;
    const texture = json.textures?.[index];
    const image = json.images?.[texture?.source ?? -1];
    if (image?.bufferView === undefined) return null;
    const sampler = json.samplers?.[texture?.sampler ?? -1] ?? {};
    return this.decode(image.bufferView, image.mimeType ?? "image/png", sampler);
  }

  private async decode(bufferView: number, type: string, sampler: GltfSampler): Promise<Texture> {
    const bytes = (await this.parser.getDependency("bufferView", bufferView)) as ArrayBuffer;
    const bitmap = await createImageBitmap(new Blob([bytes], { type }), { colorSpaceConversion: "none" });
    const texture = new Texture(bitmap);
    texture.flipY = false;
    texture.wrapS = sampler.wrapS === CLAMP ? ClampToEdgeWrapping : RepeatWrapping;
    texture.wrapT = sampler.wrapT === CLAMP ? ClampToEdgeWrapping : RepeatWrapping;
    texture.magFilter = LinearFilter;
    texture.minFilter = LinearMipmapLinearFilter;
    texture.anisotropy = 4;
    texture.needsUpdate = true;
    return texture;
  }
}

const CLAMP = 33071;

interface GltfSampler {
  wrapS?: number;
  wrapT?: number;
}

interface GltfJson {
  textures?: { source?: number; sampler?: number }[];
  images?: { bufferView?: number; mimeType?: string }[];
  samplers?: GltfSampler[];
}
