"""RetinaDesk's library: a retina photograph in; a grade, a quality verdict and a heatmap out.

The rooms, in the order in which a photograph passes them: domain, imaging, model, screening, reports.
Importing this package loads no TensorFlow.
"""

__version__ = "0.2.0"
