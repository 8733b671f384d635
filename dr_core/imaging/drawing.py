"""Draws colour fundus photographs of nobody: for tests, for the samples in the app and for the README's pictures.

Everything is painted by optical density over a retinal ground: the disc and its cup, paired arteries and veins, the
macula, and on demand the lesions of diabetic retinopathy and the defects of a poor photograph. Lengths are in field
radii, points are (row, column) from the centre of the field, and a right eye is drawn (disc on the right).

``python -m dr_core.imaging.drawing assets`` writes the sample photographs.
"""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dr_core.domain.photograph import AnyArray, Laterality, UInt8Array
from dr_core.imaging.drawn_canvas import Canvas
from dr_core.imaging.drawn_lesions import scatter_blood, scatter_cotton_wool, scatter_exudates
from dr_core.imaging.drawn_vessels import grow_vessels
from dr_core.imaging.encode import encode_jpeg

__all__ = ["SAMPLES", "FundusDrawing", "draw_fundus", "write_samples"]

DISC_RC = (-0.03, 0.52)
DISC_RADII = (0.128, 0.116)
FOVEA_RC = (0.03, -0.10)

GROUND_RGB = (0.82, 0.410, 0.195)
DISC_RGB = (1.0, 0.76, 0.43)
CUP_RGB = (1.0, 0.91, 0.70)
EXUDATE_RGB = (1.0, 0.86, 0.47)
COTTON_WOOL_RGB = (0.98, 0.86, 0.62)
SURROUND_RGB = (0.012, 0.010, 0.010)

ARTERY_DENSITY = (0.16, 0.62, 0.48)
VEIN_DENSITY = (0.30, 0.88, 0.62)
BLOOD_DENSITY = (0.50, 1.25, 0.80)
MACULA_DENSITY = (0.30, 0.46, 0.55)


@dataclass(frozen=True)
class FundusDrawing:
    """What to draw.

    Attributes:
        width_px: width of the picture, at least 64.
        height_px: height of the picture, at least 64.
        field_scale: diameter of the field over the shorter side; above 1 the field is cut off there.
        eye: right (disc on the right) or left.
        seed: same seed, same picture.
        microaneurysms: number of small red dots.
        haemorrhages: number of dot and blot haemorrhages.
        hard_exudates: number of waxy yellow flecks, in rings beside the macula.
        cotton_wool: number of soft white patches along the arcades.
        blur: defocus as a share of the field radius, 0 to 0.1; 0.02 hides the small vessels.
        light: brightness, 1.0 for a good exposure, 0.2 for a dark photograph.
    """

    width_px: int = 1536
    height_px: int = 1152
    field_scale: float = 0.96
    eye: Laterality = Laterality.OD
    seed: int = 1
    microaneurysms: int = 0
    haemorrhages: int = 0
    hard_exudates: int = 0
    cotton_wool: int = 0
    blur: float = 0.0
    light: float = 1.0

    def __post_init__(self) -> None:
        if min(self.width_px, self.height_px) < 64:
            raise ValueError(
                f"A drawing is at least 64 pixels wide and high. Received: {self.width_px}x{self.height_px}"
            )


SAMPLES: dict[str, FundusDrawing] = {
    # A drawing of no disease for which the released model refers nobody; it has learned from photographs alone.
    "sample_healthy.jpg": FundusDrawing(1600, 1200, seed=14),
    "sample_lesions.jpg": FundusDrawing(
        1600, 1200, field_scale=1.08, eye=Laterality.OS, seed=8,
        microaneurysms=34, haemorrhages=26, hard_exudates=70, cotton_wool=4,
    ),
    "sample_blurred.jpg": FundusDrawing(1600, 1200, seed=5, blur=0.03, light=0.55),
}  # fmt: skip


def draw_fundus(drawing: FundusDrawing | None = None) -> UInt8Array:
    """Return the drawing as (height, width, 3) uint8 RGB; the same options give the same picture."""
    drawing = drawing or FundusDrawing()
    rng = np.random.default_rng(drawing.seed)
    radius_px = 0.5 * drawing.field_scale * min(drawing.width_px, drawing.height_px)
    canvas = Canvas(drawing.width_px, drawing.height_px, radius_px=radius_px)
    vessels = grow_vessels(rng, disc_rc=DISC_RC, fovea_rc=FOVEA_RC)

    colour = _paint_ground(canvas, rng)
    density = _macula(canvas)[..., None] * _rgb(MACULA_DENSITY)
    for kind, absorption in (("vein", VEIN_DENSITY), ("artery", ARTERY_DENSITY)):
        density += canvas.draw_vessels([v for v in vessels if v.kind == kind])[..., None] * _rgb(absorption)
    blood = scatter_blood(rng, microaneurysms=drawing.microaneurysms, haemorrhages=drawing.haemorrhages)
    pools = canvas.draw_blobs(_off_disc(blood), 0.0035) * (0.85 + 0.12 * canvas.noise(rng, 0.02))
    colour *= np.exp(-density - pools[..., None] * _rgb(BLOOD_DENSITY))
    wool = _off_disc(scatter_cotton_wool(rng, count=drawing.cotton_wool))
    colour = _blend(colour, COTTON_WOOL_RGB, 0.66 * canvas.draw_blobs(wool, 0.014))
    flecks = _off_disc(scatter_exudates(rng, count=drawing.hard_exudates, macula_rc=FOVEA_RC))
    waxy = canvas.draw_blobs(flecks, 0.0022) * np.clip(0.78 + 0.16 * canvas.noise(rng, 0.03), 0.0, 1.0)
    colour = _blend(colour, EXUDATE_RGB, waxy)
    return _photograph(canvas, colour, drawing, rng)


def write_samples(folder: Path) -> list[Path]:
    """Draw `SAMPLES` into `folder` and return the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawing in SAMPLES.items():
        (folder / name).write_bytes(encode_jpeg(draw_fundus(drawing), quality=88))
    return [folder / name for name in SAMPLES]


def _photograph(canvas: Canvas, colour: AnyArray, drawing: FundusDrawing, rng: np.random.Generator) -> UInt8Array:
    """Light the retina, turn it for a left eye, defocus it, put it behind the camera's stop, and add grain."""
    light = 1.08 - 0.36 * canvas.distance((0.05, 0.12)) ** 2 + 0.045 * canvas.noise(rng, 0.8)
    image = colour * light[..., None]
    if drawing.eye is Laterality.OS:
        image = np.ascontiguousarray(image[:, ::-1])
    if drawing.blur > 0:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), drawing.blur * canvas.radius_px))
    stop = np.clip((1.0 - canvas.distance((0.0, 0.0))) / 0.012, 0.0, 1.0)[..., None]
    outward, along = (canvas.columns - canvas.rows) / math.sqrt(2), (canvas.columns + canvas.rows) / math.sqrt(2)
    notch = (np.abs(along) < 0.022) & (outward > 0.95) & (outward < 1.035)
    stop = np.where(notch[..., None], 1.0, stop)
    image = drawing.light * (image * stop) + _rgb(SURROUND_RGB)
    image += 0.006 * rng.standard_normal(canvas.shape, dtype=np.float32)[..., None] * np.sqrt(np.clip(image, 0, 1))
    return np.clip(np.round(255.0 * image), 0, 255).astype(np.uint8)


def _paint_ground(canvas: Canvas, rng: np.random.Generator) -> AnyArray:
    """(H, W, 3) float32: pigment and choroid, mottled, with the optic disc and its cup on top."""
    pigment = 0.045 * canvas.noise(rng, 0.35) + 0.024 * canvas.noise(rng, 0.06) + 0.018 * canvas.noise(rng, 0.014)
    choroid = np.abs(canvas.noise(rng, 0.10)) - 0.8
    fibres = canvas.fibres(rng, DISC_RC)
    ground = _rgb(GROUND_RGB) * np.exp(pigment[..., None] * _rgb((0.5, 1.0, 1.3)))
    ground *= np.exp(choroid[..., None] * _rgb((0.020, 0.050, 0.060)) + fibres[..., None] * _rgb((0.006, 0.022, 0.026)))
    disc = canvas.distance(DISC_RC, DISC_RADII)
    ground = _blend(ground, (0.97, 0.54, 0.26), 0.42 * np.exp(-((np.maximum(disc - 0.9, 0) / 0.6) ** 2)))
    uneven = disc + 0.025 * canvas.noise(rng, 0.08)
    ground = _blend(ground, DISC_RGB, 0.94 * _edge(1.0 - uneven, 0.20))
    ground = _blend(ground, (0.98, 0.64, 0.36), 0.35 * np.exp(-(((disc - 0.80) / 0.16) ** 2)))
    cup = canvas.distance((DISC_RC[0] + 0.005, DISC_RC[1] - 0.012), (0.062, 0.058))
    return _blend(ground, CUP_RGB, 0.85 * _edge(1.0 - cup, 0.30))


def _macula(canvas: Canvas) -> AnyArray:
    """(H, W) float32 density of the macular pigment, with the pale foveal reflex in its middle."""
    away = canvas.distance(FOVEA_RC)
    pigment = 0.55 * np.exp(-((away / 0.23) ** 2)) + 0.55 * np.exp(-((away / 0.085) ** 2))
    return np.asarray(pigment - 0.5 * np.exp(-((away / 0.010) ** 2)))


def _off_disc(outlines: list[AnyArray]) -> list[AnyArray]:
    return [outline for outline in outlines if np.hypot(*(outline.mean(axis=0) - DISC_RC)) > 1.4 * max(DISC_RADII)]


def _edge(inside: AnyArray, width: float) -> AnyArray:
    """Smooth step from 0 to 1 as `inside` goes from 0 to `width`."""
    t = np.clip(inside / width, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _blend(colour: AnyArray, over: tuple[float, float, float], alpha: AnyArray) -> AnyArray:
    return np.asarray(colour + alpha[..., None] * (_rgb(over) - colour))


def _rgb(triple: tuple[float, float, float]) -> AnyArray:
    return np.array(triple, dtype=np.float32)


def main() -> None:
    """Write the sample photographs into the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Draw RetinaDesk's sample photographs.")
    parser.add_argument("folder", type=Path, help="where the JPEG files go")
    for path in write_samples(parser.parse_args().folder):
        print(f"{path}  {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
