"""What the data looks like from afar: counts and histograms, never a row about one person or one photograph."""

from dataclasses import dataclass

from dr_core.domain.grades import GRADE_COUNT, Grade


@dataclass(frozen=True)
class Histogram:
    """Counts in bins of equal width; values beyond the ends are counted in the outermost bins.

    Attributes:
        low: left edge of the first bin.
        high: right edge of the last bin.
        counts: photographs in each bin.
    """

    low: float
    high: float
    counts: tuple[int, ...]

    @property
    def bin_width(self) -> float:
        """Width of one bin, in the unit of `low` and `high`."""
        return (self.high - self.low) / len(self.counts)

    @property
    def centers(self) -> tuple[float, ...]:
        """Middle of each bin."""
        return tuple(self.low + (index + 0.5) * self.bin_width for index in range(len(self.counts)))


@dataclass(frozen=True)
class SplitBalance:
    """How the grades are spread in one split of one source.

    Attributes:
        split: train, val, test or excluded.
        grade_counts: photographs of grade 0 to 4.
        n_ungraded: photographs without a DR grade.
    """

    split: str
    grade_counts: tuple[int, int, int, int, int]
    n_ungraded: int


@dataclass(frozen=True)
class PhotographSize:
    """How many photographs the camera saved at this size."""

    width_px: int
    height_px: int
    count: int


@dataclass(frozen=True)
class NamedCount:
    """A category and how many photographs fall into it."""

    name: str
    count: int


@dataclass(frozen=True)
class DuplicateCounts:
    """The same photograph more than once.

    Attributes:
        n_groups: photographs that occur more than once.
        n_photographs: files in these groups.
        n_conflicting_groups: groups whose copies carry different grades.
        n_conflicting_photographs: files in these.
        n_groups_across_splits: groups that stand in more than one of train, val and test; must be 0.
    """

    n_groups: int
    n_photographs: int
    n_conflicting_groups: int
    n_conflicting_photographs: int
    n_groups_across_splits: int


@dataclass(frozen=True)
class SourceStatistics:
    """One public set of photographs.

    Attributes:
        source: its name in the manifest.
        n_photographs: files listed.
        n_patients: patients behind them; None where the set does not tell.
        splits: grade balance of each split.
        original_sizes: sizes as the camera saved them, most frequent first; empty where not recorded.
        brightness: mean grey level inside the field of view, 0 to 100% of full scale.
        sharpness: share of fine detail inside the field of view, as the logarithm to base 10.
        n_without_field: photographs in which no field of view was found; in neither histogram.
        duplicates: the same photograph more than once.
        ages: age in years; None where the set does not tell.
        sexes: empty where the set does not tell.
        gradable: graders' verdict on gradability; empty where the set does not tell.
    """

    source: str
    n_photographs: int
    n_patients: int | None
    splits: tuple[SplitBalance, ...]
    original_sizes: tuple[PhotographSize, ...]
    brightness: Histogram
    sharpness: Histogram
    n_without_field: int
    duplicates: DuplicateCounts
    ages: Histogram | None
    sexes: tuple[NamedCount, ...]
    gradable: tuple[NamedCount, ...]

    def merge_splits(self, split: str | None = None) -> SplitBalance:
        """Return the balance of one split, all zero where the source lacks it, or of all splits together."""
        balances = [balance for balance in self.splits if split in (None, balance.split)]
        zero, one, two, three, four = (sum(b.grade_counts[grade] for b in balances) for grade in range(GRADE_COUNT))
        return SplitBalance(split or "all", (zero, one, two, three, four), sum(b.n_ungraded for b in balances))


@dataclass(frozen=True)
class DatasetStatistics:
    """Statistics of a manifest and its photographs.

    Attributes:
        created_utc: ISO 8601 time, UTC.
        package_version: version of RetinaDesk.
        sources: one entry a source, in the order of the manifest.
    """

    created_utc: str
    package_version: str
    sources: tuple[SourceStatistics, ...]

    @property
    def n_photographs(self) -> int:
        """Files listed in all sources."""
        return sum(source.n_photographs for source in self.sources)

    @property
    def n_graded(self) -> int:
        """Photographs with a DR grade."""
        return sum(sum(source.merge_splits().grade_counts) for source in self.sources)

    @property
    def n_referable(self) -> int:
        """Photographs of grade 2 or above."""
        return sum(sum(source.merge_splits().grade_counts[Grade.MODERATE_NPDR :]) for source in self.sources)
