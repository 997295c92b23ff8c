/** What makes a head look like a person: its materials, and the light of a friendly room. */

import {
  ACESFilmicToneMapping,
  AmbientLight,
  Color,
  DirectionalLight,
  type Light,
  type Material,
  Mesh,
  MeshLambertMaterial,
  MeshPhysicalMaterial,
  MeshStandardMaterial,
  type Object3D,
  PMREMGenerator,
  type Scene,
  type Texture,
  type WebGLRenderer,
} from "three";
import { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";

import type { Quality } from "../core/quality";

type Physical = Partial<MeshPhysicalMaterial>;

/** By what a mesh or material is called; the model's own colours and textures stay. */
const LOOKS: readonly [RegExp, () => Physical][] = [
  [/lash|brow/i, () => ({ roughness: 0.9 })],
  [/eye|cornea|iris/i, () => ({ roughness: 0.25, clearcoat: 1, clearcoatRoughness: 0.04, envMapIntensity: 0.8 })],
  [/teeth|tooth/i, () => ({ roughness: 0.35, clearcoat: 0.5, envMapIntensity: 0.5 })],
  [/tongue|gum|mouth/i, () => ({ roughness: 0.45, clearcoat: 0.4 })],
  [/hair|beard/i, () => ({ roughness: 0.5, sheen: 0.3, sheenRoughness: 0.4, sheenColor: new Color(0x8a6248) })],
  [/cloth|shirt|jumper|sweater|jacket|top|dress/i, () => ({ roughness: 0.95, sheen: 0.4, sheenRoughness: 0.8 })],
  [
    /skin|head|face|body/i,
    () => ({
      roughness: 0.52,
      sheen: 0.35,
      sheenRoughness: 0.5,
      sheenColor: new Color(0xff9c80),
      clearcoat: 0.08,
      clearcoatRoughness: 0.5,
    }),
  ],
];

/**
 * Gives each mesh the material that its name asks for, unless the model brings a finer one. Several meshes of one
 * material share the new one too.
 */
export function dress(meshes: readonly Mesh[], quality: Quality): Material[] {
  const made = new Map<Material, Material>();
  for (const mesh of meshes) {
    const { material } = mesh;
    if (Array.isArray(material) || !(material instanceof MeshStandardMaterial)) continue;
    // Who made the model has chosen with care.
    if (quality === "high" && material instanceof MeshPhysicalMaterial) continue;
    const dressed = made.get(material) ?? (quality === "low" ? plain(material) : rich(material, mesh.name));
    made.set(material, dressed);
    mesh.material = dressed;
  }
  for (const old of made.keys()) old.dispose();
  return [...made.values()];
}

function rich(material: MeshStandardMaterial, meshName: string): Material {
  const look = LOOKS.find(([name]) => name.test(meshName)) ?? LOOKS.find(([name]) => name.test(material.name));
  // A standard material has no values for what only a physical one knows.
  const physical = new MeshPhysicalMaterial();
  MeshStandardMaterial.prototype.copy.call(physical, material);
  physical.defines = { STANDARD: "", PHYSICAL: "" };
  return Object.assign(physical, look?.[1]());
}

function plain(material: MeshStandardMaterial): Material {
  return new MeshLambertMaterial({
    name: material.name,
    color: material.color,
    map: material.map,
    alphaMap: material.alphaMap,
    alphaTest: material.alphaTest,
    transparent: material.transparent,
    opacity: material.opacity,
    depthWrite: material.depthWrite,
    side: material.side,
    vertexColors: material.vertexColors,
  });
}

/** Lights the scene; what is given back takes the light away again. */
export function light(scene: Scene, renderer: WebGLRenderer, quality: Quality): () => void {
  renderer.toneMapping = ACESFilmicToneMapping;
  renderer.toneMappingExposure = 0.95;
  const key = placed(new DirectionalLight(0xfff1e0, quality === "low" ? 2.2 : 1.8), 0.6, 0.7, 1);
  const rim = placed(new DirectionalLight(0x99b4ff, 1.5), -1, 0.6, -1);
  const lights: Light[] = [key, rim];
  if (quality === "low") lights.push(new AmbientLight(0xf6f0f4, 1.7));
  scene.add(...lights);
  const room = quality === "low" ? null : roomOf(renderer);
  scene.environment = room;
  scene.environmentIntensity = 0.55;
  return () => {
    scene.remove(...lights);
    scene.environment = null;
    room?.dispose();
  };
}

function placed(lamp: DirectionalLight, x: number, y: number, z: number): DirectionalLight {
  lamp.position.set(x, y, z);
  return lamp;
}

function roomOf(renderer: WebGLRenderer): Texture {
  const generator = new PMREMGenerator(renderer);
  const room = new RoomEnvironment();
  const { texture } = generator.fromScene(room, 0.04);
  room.dispose();
  generator.dispose();
  return texture;
}

/** Frees all that a model holds on the graphics card. */
export function disposeModel(root: Object3D): void {
  root.traverse((node) => {
    if (!(node instanceof Mesh)) return;
    (node.geometry as { dispose(): void }).dispose();
    const materials = (Array.isArray(node.material) ? node.material : [node.material]) as Material[];
    for (const material of materials) {
      for (const value of Object.values(material) as unknown[]) {
        if (isTexture(value)) value.dispose();
      }
      material.dispose();
    }
  });
}

function isTexture(value: unknown): value is Texture {
  return typeof value === "object" && value !== null && "isTexture" in value;
}
