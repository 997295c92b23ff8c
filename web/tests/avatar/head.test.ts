import { Bone, BoxGeometry, Group, InstancedMesh, Mesh, MeshPhysicalMaterial, MeshStandardMaterial, Object3D, SkinnedMesh, Vector3 } from "three";
import { describe, expect, test } from "vitest";

import { FaceRig } from "../../src/avatar/faceRig";
import { HeadError, headOf } from "../../src/avatar/head";
import { instanceRepeats } from "../../src/avatar/instances";
import { findLandmarks } from "../../src/avatar/landmarks";
import { dress } from "../../src/avatar/look";
import { findNeck, meshesOf } from "../../src/avatar/neck";
import { OCULUS_NAMES, OculusMouth } from "../../src/avatar/oculus";
import { frameOf } from "../../src/core/channels";
import { CHIN, EYE, SHOULDER, placeholder } from "../placeholder";

/** Where a vertex is once shapes and bones have moved it. */
function place(mesh: Mesh, vertex: number): Vector3 {
  mesh.updateWorldMatrix(true, true);
  return mesh.getVertexPosition(vertex, new Vector3()).applyMatrix4(mesh.matrixWorld);
}

const skinOf = (root: Object3D): Mesh => meshesOf(root).find(({ name }) => name === "skin")!;

describe("a head", () => {
  test("tells where its eyes and chin are", () => {
    const root = placeholder();
    root.updateMatrixWorld(true);
    const found = findLandmarks(meshesOf(root));
    expect(found?.eyes.toArray()).toEqual([0, 0, expect.closeTo(0.02)]);
    expect(found?.chinY).toBeCloseTo(-0.1);
  });

  test("without shapes is refused with a reason", () => {
    const root = new Group();
    root.add(new Mesh(new BoxGeometry()));
    expect(() => headOf(root)).toThrow(HeadError);
  });

  test("opens its jaw as far as the frame says", () => {
    const head = headOf(placeholder());
    const skin = skinOf(head.root);
    head.rig.apply(frameOf({ jawOpen: 0.5 }));
    expect(place(skin, CHIN).y).toBeCloseTo(-0.12);
    head.rig.apply(frameOf({}));
    expect(place(skin, CHIN).y).toBeCloseTo(-0.1);
  });

  test("of one piece turns on its shoulders, which stay where they are", () => {
    const head = headOf(placeholder());
    const skin = skinOf(head.root);
    expect(skin).toBeInstanceOf(SkinnedMesh);
    const shoulder = place(skin, SHOULDER);
    const eye = place(skin, EYE);
    head.rig.apply(frameOf({ headYaw: 0.3 }));
    head.root.updateMatrixWorld(true);
    expect(place(skin, SHOULDER).distanceTo(shoulder)).toBeLessThan(1e-6);
    // The person's own left is +x.
    expect(place(skin, EYE).x).toBeGreaterThan(eye.x + 0.01);
  });

  test("nods downwards for a positive pitch and leans to the person's right for a positive roll", () => {
    const head = headOf(placeholder());
    const skin = skinOf(head.root);
    const chin = place(skin, CHIN);
    const crown = place(skin, 3);
    head.rig.apply(frameOf({ headPitch: 0.2 }));
    head.root.updateMatrixWorld(true);
    expect(place(skin, CHIN).y).toBeLessThan(chin.y);
    head.rig.apply(frameOf({ headRoll: 0.2 }));
    head.root.updateMatrixWorld(true);
    expect(place(skin, 3).x).toBeLessThan(crown.x - 0.01);
  });

  test("that is moved and scaled in its file turns the same way", () => {
    const root = placeholder();
    root.children[0]!.scale.setScalar(10);
    const head = headOf(root);
    const skin = skinOf(head.root);
    expect(place(skin, SHOULDER).toArray()).toEqual([expect.closeTo(-2), expect.closeTo(-3), expect.closeTo(-0.5)]);
    const shoulder = place(skin, SHOULDER);
    head.rig.apply(frameOf({ headYaw: 0.3, jawOpen: 1 }));
    head.root.updateMatrixWorld(true);
    expect(place(skin, SHOULDER).distanceTo(shoulder)).toBeLessThan(1e-5);
    expect(place(skin, CHIN).y).toBeCloseTo(-1.4);
  });

  test("with bones turns by them, the neck for its part", () => {
    const root = placeholder();
    const neck = Object.assign(new Bone(), { name: "Neck" });
    const bone = Object.assign(new Bone(), { name: "mixamorigHead" });
    root.add(neck.add(bone));
    const joints = findNeck(root, null);
    expect(joints.map(({ node }) => node)).toEqual([bone, neck]);
    new FaceRig(meshesOf(root), joints, [null, null]).apply(frameOf({ headYaw: 1 }));
    expect(bone.rotation.y).toBeCloseTo(0.65);
    expect(neck.rotation.y).toBeCloseTo(0.35);
  });

  test("looks with its eyes' nodes where it has them, and with shapes where not", () => {
    const root = placeholder({ eyeBlinkLeft: [1, 0.01], jawOpen: [CHIN, 0.04], eyeLookOutLeft: [1, 0.01] });
    const rig = new FaceRig(meshesOf(root), [], [null, null]);
    rig.apply(frameOf({ leftEyeYaw: Math.PI / 12 }));
    expect(skinOf(root).morphTargetInfluences?.[2]).toBeCloseTo(0.5);
    const [left, right] = [new Object3D(), new Object3D()];
    new FaceRig([], [], [left, right]).apply(frameOf({ leftEyeYaw: 0.2, rightEyePitch: 0.1 }));
    expect(left.rotation.y).toBeCloseTo(0.2);
    expect(right.rotation.x).toBeCloseTo(0.1);
  });

  test("moves the same whether the card or the processor blends its shapes", () => {
    const head = headOf(placeholder());
    const skin = skinOf(head.root);
    const frame = { jawOpen: 0.7, eyeBlinkLeft: 1 };
    head.rig.apply(frameOf(frame));
    const before = [0, 1, 2, 3].map((vertex) => place(skin, vertex));
    head.rig.blendOnProcessor();
    expect(skin.geometry.morphAttributes.position).toBeUndefined();
    head.rig.apply(frameOf(frame));
    for (const [vertex, at] of before.entries()) expect(place(skin, vertex).distanceTo(at)).toBeLessThan(1e-6);
    head.rig.apply(frameOf({}));
    expect(place(skin, CHIN).y).toBeCloseTo(-0.1);
  });
});

describe("a head with Oculus visemes only", () => {
  test.each(OCULUS_NAMES)("shows %s for the ARKit shapes of that sound", (name) => {
    const shapes = Object.fromEntries(OCULUS_NAMES.map((viseme) => [`viseme_${viseme}`, [CHIN, 0.01] as [number, number]]));
    const root = placeholder(shapes);
    const mouth = new OculusMouth();
    // What the table says this sound looks like, by way of its own inverse.
    const index = OCULUS_NAMES.indexOf(name);
    const frame = FRAMES[name]!;
    mouth.read(frame);
    expect(mouth.weights.indexOf(Math.max(...mouth.weights))).toBe(index);
    new FaceRig(meshesOf(root), [], [null, null]).apply(frame);
    expect(skinOf(root).morphTargetInfluences?.[index]).toBeGreaterThan(0.5);
  });

  test("keeps its mouth shut for a closed mouth", () => {
    const mouth = new OculusMouth();
    mouth.read(frameOf({ eyeBlinkLeft: 1 }));
    expect(Math.max(...mouth.weights)).toBe(0);
  });
});

/** Clear cases, written by hand. */
const FRAMES: Record<string, Float32Array> = {
  PP: frameOf({ mouthPressLeft: 0.5, mouthPressRight: 0.5, mouthRollLower: 0.35, mouthRollUpper: 0.3 }),
  FF: frameOf({ mouthRollLower: 0.6, mouthUpperUpLeft: 0.35, mouthUpperUpRight: 0.35 }),
  TH: frameOf({ jawOpen: 0.16, tongueOut: 0.55, mouthLowerDownLeft: 0.2, mouthLowerDownRight: 0.2 }),
  DD: frameOf({ jawOpen: 0.14, mouthLowerDownLeft: 0.3, mouthLowerDownRight: 0.3, mouthUpperUpLeft: 0.1, mouthUpperUpRight: 0.1, mouthStretchLeft: 0.1, mouthStretchRight: 0.1 }),
  kk: frameOf({ jawOpen: 0.22, mouthLowerDownLeft: 0.15, mouthLowerDownRight: 0.15, mouthStretchLeft: 0.15, mouthStretchRight: 0.15 }),
  CH: frameOf({ mouthFunnel: 0.55, mouthPucker: 0.2, jawOpen: 0.08, mouthShrugUpper: 0.15 }),
  SS: frameOf({ jawOpen: 0.05, mouthStretchLeft: 0.3, mouthStretchRight: 0.3, mouthLowerDownLeft: 0.35, mouthLowerDownRight: 0.35, mouthUpperUpLeft: 0.15, mouthUpperUpRight: 0.15, mouthSmileLeft: 0.1, mouthSmileRight: 0.1 }),
  nn: frameOf({ jawOpen: 0.12, mouthLowerDownLeft: 0.25, mouthLowerDownRight: 0.25, mouthStretchLeft: 0.1, mouthStretchRight: 0.1 }),
  RR: frameOf({ mouthFunnel: 0.35, mouthPucker: 0.35, jawOpen: 0.14 }),
  aa: frameOf({ jawOpen: 0.6, mouthLowerDownLeft: 0.1, mouthLowerDownRight: 0.1 }),
  E: frameOf({ jawOpen: 0.3, mouthStretchLeft: 0.3, mouthStretchRight: 0.3, mouthSmileLeft: 0.15, mouthSmileRight: 0.15, mouthLowerDownLeft: 0.15, mouthLowerDownRight: 0.15, mouthUpperUpLeft: 0.1, mouthUpperUpRight: 0.1 }),
  I: frameOf({ jawOpen: 0.14, mouthSmileLeft: 0.35, mouthSmileRight: 0.35, mouthStretchLeft: 0.25, mouthStretchRight: 0.25, mouthLowerDownLeft: 0.2, mouthLowerDownRight: 0.2 }),
  O: frameOf({ jawOpen: 0.36, mouthFunnel: 0.55, mouthPucker: 0.2 }),
  U: frameOf({ jawOpen: 0.1, mouthPucker: 0.75, mouthFunnel: 0.25 }),
};

describe("drawing", () => {
  test("parts that are there several times become one, in their places", () => {
    const root = new Group();
    const [geometry, material] = [new BoxGeometry(), new MeshStandardMaterial()];
    for (const x of [1, 2, 3]) {
      const mesh = new Mesh(geometry, material);
      mesh.position.x = x;
      root.add(mesh);
    }
    root.add(new Mesh(new BoxGeometry(), material));
    expect(instanceRepeats(root, meshesOf(root))).toBe(2);
    const joined = root.children.find((child) => child instanceof InstancedMesh)!;
    expect([joined.count, joined.instanceMatrix.array[12], joined.instanceMatrix.array[44]]).toEqual([3, 1, 3]);
    expect(root.children).toHaveLength(2);
  });

  test("plain materials are refined by name, and what the model chose itself stays", () => {
    const eye = new Mesh(new BoxGeometry(), new MeshStandardMaterial({ name: "eyes" }));
    const chosen = new Mesh(new BoxGeometry(), new MeshPhysicalMaterial({ name: "skin", sheen: 0.9 }));
    const { material } = chosen;
    dress([eye, chosen], "high");
    expect(eye.material).toMatchObject({ isMeshPhysicalMaterial: true, clearcoat: 1, name: "eyes" });
    expect(chosen.material).toBe(material);
  });

  test("materials that are shared stay shared, and are simple where quality is low", () => {
    const material = new MeshStandardMaterial({ vertexColors: true });
    const meshes = [new Mesh(new BoxGeometry(), material), new Mesh(new BoxGeometry(), material)];
    expect(dress(meshes, "low")).toHaveLength(1);
    expect(meshes[0]!.material).toBe(meshes[1]!.material);
    expect(meshes[0]!.material).toMatchObject({ isMeshLambertMaterial: true, vertexColors: true });
  });
});
