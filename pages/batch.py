"""Batch: many photographs in; progress that survives a reload; a table, plots and reports out."""

from dr_core.screening.jobs import get_registry
from dr_core.settings import load_settings
from pages.components.batch_inputs import start_batch
from pages.components.batch_link import find_linked_batch
from pages.components.batch_progress import show_progress
from pages.components.batch_results import show_results
from pages.components.navigation import enter_through_app
from pages.components.session import forget_all, get_classifier

SECONDS_PER_HOUR = 3600

enter_through_app()
settings = load_settings()
registry = get_registry(settings.job_dir, lifetime_s=settings.job_hours * SECONDS_PER_HOUR)
classifier = get_classifier()
job = find_linked_batch(registry)
if job is None:
    forget_all()
    start_batch(registry, classifier, settings)
elif not job.state.ended:
    forget_all()
    show_progress(job)
else:
    show_results(job, registry, classifier)
