"""Calibrate: a clinic's graded photographs in; its own operating point, and what it is worth there, out."""

import streamlit as st

from dr_core.screening.job_state import JobState
from pages.components.calibration_inputs import ask_for_photographs, find_run, forget_run
from pages.components.calibration_progress import show_progress
from pages.components.calibration_results import show_results
from pages.components.navigation import enter_through_app
from pages.components.session import forget_all, get_classifier
from pages.components.text import escape_markdown

enter_through_app()
classifier = get_classifier()
forget_all()
run = find_run()
if run is not None and not run.job.state.ended:
    show_progress(run.job)
elif run is not None and run.job.sample is not None:
    show_results(run, run.job.sample, classifier)
else:
    if run is not None and run.job.state is JobState.FAILED:
        st.error(escape_markdown(run.job.error), icon=":material/error:")
    elif run is not None:
        st.info("The calibration was stopped, and nothing of it was kept.", icon=":material/stop_circle:")
    forget_run()
    ask_for_photographs(classifier)
