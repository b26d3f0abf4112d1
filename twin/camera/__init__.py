"""Cameras: from pictures to count, flow, density and speed on the ground, to a state and an alarm. Pictures are never kept."""

from twin.camera.calibration import Calibration, Placed, calibration, district_camera, placed, read_calibration
from twin.camera.coverage import Cover, Proposal, best_new_cameras, camera_coverage
from twin.camera.crossing import Crossing, Line
from twin.camera.dense import Dense, fit_dense
from twin.camera.evaluate import Evaluation, compare, evaluate_run
from twin.camera.lens import Lens
from twin.camera.models import fetch_models
from twin.camera.observe import Reporter
from twin.camera.profile import PROFILES, Profile, level_of_service, read_profiles
from twin.camera.run import best_detector, run_camera
from twin.camera.source import Frame, Source, open_source
from twin.camera.state import AlarmAct, CrowdAlarm, CrowdState
from twin.camera.watch import Figures, Row, Watch
from twin.camera.zones import Zone, Zones, read_zones, region_of

__all__ = [
    "PROFILES", "AlarmAct", "Calibration", "Cover", "Crossing", "CrowdAlarm", "CrowdState", "Dense", "Evaluation", "Figures",
    "Frame", "Lens", "Line", "Placed", "Profile", "Proposal", "Reporter", "Row", "Source", "Watch", "Zone", "Zones",
    "best_detector", "best_new_cameras", "calibration", "camera_coverage", "compare", "district_camera", "evaluate_run",
    "fetch_models", "fit_dense", "level_of_service", "open_source", "placed", "read_calibration", "read_profiles", "read_zones",
    "region_of", "run_camera"]
