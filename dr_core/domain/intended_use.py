"""The sentences that stand on the first page and under every report."""

INTENDED_USE = (
    "Decision support for trained readers: not a diagnosis, and not a regulated medical device. For adults with "
    "diabetes and colour fundus photographs. It detects no other eye disease, and a negative result does not replace "
    "an eye examination."
)

NOT_FOR = (
    "Not for patients with persistent vision loss, floaters, earlier laser treatment, eye surgery or injections, known "
    "macular oedema, known severe or proliferative retinopathy, radiation retinopathy or retinal vein occlusion."
)

MACULAR_OEDEMA_NOTE = "Macular oedema not assessed."

# In its place where the model's output for it is validated.
OEDEMA_RISK_NOTE = "Macular oedema is not diagnosed; the risk shown is that of hard exudates near the fovea."

NOT_VALIDATED_NOTE = "Operating point not validated at this clinic."


def describe_oedema_limit(*, validated: bool) -> str:
    """Say what results tell of macular oedema, by whether the model's output for it is validated."""
    return OEDEMA_RISK_NOTE if validated else MACULAR_OEDEMA_NOTE
