"""Figures over complaints: what each means (`meaning`), how they are kept (`upkeep`), how they are read (`reading`).

A figure is a condition on complaints and the moment on whose day (Asia/Kolkata) it counts. The same condition counts them
and lists them. Periods are whole days; overdue is what was due before today.
"""
