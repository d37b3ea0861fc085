from flask import Blueprint
def create_blueprint(settings):
    return Blueprint("simulator", __name__, url_prefix="/simulator")
