def register(app, runtime):
    pass
