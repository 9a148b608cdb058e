"""Battery health of a fleet from its telemetry in Parquet: how old packs are, how much they resist, which cell is weak.

    jinqiao run scenarios/jinqiao-morning.yaml --vehicles 40 --for 1h --speed max --sink parquet:out
    python battery_health.py out report

Each `# %%` begins a cell: VS Code, PyCharm, Spyder and Jupyter (with jupytext) run them one by one. As a script it
writes its plots, and `packs.csv`, into the second folder.
"""

# %%
import sys
from pathlib import Path

import duckdb
import matplotlib

matplotlib.use("Agg")  # in a notebook: leave this out
import matplotlib.pyplot as plt

TELEMETRY, REPORT = Path(sys.argv[1]), Path(sys.argv[2])
REPORT.mkdir(exist_ok=True)

db = duckdb.connect()
for kind in ("core", "detail"):
    db.execute(f"CREATE VIEW {kind} AS SELECT * FROM '{TELEMETRY}/{kind}-*.parquet'")

# %% How old: the state of health that each pack reports, and how far it has come.
health = db.sql("""
    SELECT vehicle, any_value(model) AS model, max_by(state_of_health, time) AS soh,
           max_by(energy_discharged, time) AS kwh_discharged
    FROM detail GROUP BY vehicle
""")

# %% How much it resists: from one second to the next the voltage follows the current by the resistance, for the state
# of charge hardly moves in a second. Least squares over all steps of more than 20 A.
resistance = db.sql("""
    WITH steps AS (
        SELECT vehicle, pack_voltage - lag(pack_voltage) OVER before AS dv,
               pack_current - lag(pack_current) OVER before AS di,
               date_diff('millisecond', lag(time) OVER before, time) AS ms
        FROM core WINDOW before AS (PARTITION BY vehicle ORDER BY time)
    )
    SELECT vehicle, -1000 * sum(dv * di) / sum(di * di) AS milliohm, count(*) AS steps
    FROM steps WHERE ms <= 1000 AND abs(di) > 20 GROUP BY vehicle HAVING count(*) >= 30
""")

# %% Which cell is weak: how far the highest and the lowest are apart under load, and whether it is always the same one.
cells = db.sql("""
    SELECT vehicle, median(1000 * (cell_voltage_max - cell_voltage_min)) AS spread_mv,
           mode(cell_voltage_min_index) AS lowest_cell,
           avg((cell_voltage_min_index = lowest.cell)::INT) AS how_often
    FROM detail JOIN (SELECT vehicle AS v, mode(cell_voltage_min_index) AS cell FROM detail GROUP BY v) AS lowest
      ON vehicle = lowest.v
    GROUP BY vehicle
""")

# %% All of it, one row a pack. A pack that differs from those of its model by much is one to look at.
packs = db.sql("""
    WITH together AS (SELECT * FROM health LEFT JOIN resistance USING (vehicle) LEFT JOIN cells USING (vehicle)),
         usual AS (SELECT model, median(spread_mv) AS usual_mv, mad(spread_mv) AS mad_mv FROM together GROUP BY model)
    SELECT together.*, spread_mv > usual_mv + 5 * greatest(mad_mv, 0.5) AS look
    FROM together JOIN usual USING (model) ORDER BY look DESC, model, soh
""")
packs.write_csv(str(REPORT / "packs.csv"))
print(packs)

# %% Health over what went through the pack.
figure, axes = plt.subplots(figsize=(7, 4))
for (model,) in db.sql("SELECT DISTINCT model FROM health ORDER BY model").fetchall():
    points = db.execute("SELECT kwh_discharged, soh FROM health WHERE model = ?", [model]).fetchnumpy()
    axes.plot(points["kwh_discharged"] / 1000, points["soh"], "o", label=model, alpha=0.7)
axes.set(xlabel="MWh discharged in the pack's life", ylabel="state of health, %", title="Capacity left")
axes.legend(fontsize=8)
figure.savefig(REPORT / "health.png", dpi=120, bbox_inches="tight")

# %% Resistance, model by model.
models = [model for (model,) in db.sql("SELECT DISTINCT model FROM packs WHERE milliohm > 0 ORDER BY model").fetchall()]
spread = [db.execute("SELECT milliohm FROM packs WHERE model = ? AND milliohm > 0", [m]).fetchnumpy() for m in models]
figure, axes = plt.subplots(figsize=(7, 4))
axes.boxplot([column["milliohm"] for column in spread])
axes.set_xticks(range(1, len(models) + 1), models, rotation=20, fontsize=8)
axes.set(ylabel="mΩ of the pack", title="Resistance from one second to the next")
figure.savefig(REPORT / "resistance.png", dpi=120, bbox_inches="tight")

# %% Cell spread over time: a pack that drifts apart shows long before it fails.
figure, axes = plt.subplots(figsize=(7, 4))
for vehicle, look in db.sql("SELECT vehicle, look FROM packs").fetchall():
    apart = (
        "SELECT time, 1000 * (cell_voltage_max - cell_voltage_min) AS mv FROM detail WHERE vehicle = ? ORDER BY time"
    )
    rows = db.execute(apart, [vehicle]).fetchnumpy()
    axes.plot(rows["time"], rows["mv"], color="tab:red" if look else "lightgray", linewidth=1, zorder=2 if look else 1)
axes.set(
    ylabel="mV between the highest and the lowest cell", title="Cells apart; red: more than is usual for the model"
)
figure.autofmt_xdate()
figure.savefig(REPORT / "cells.png", dpi=120, bbox_inches="tight")
