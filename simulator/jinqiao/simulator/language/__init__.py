"""What a scenario's parts are written with: kinds of value, selections of vehicles.

Below agendas, faults and the scenario itself, because each of those brings its own part of the language.
"""
