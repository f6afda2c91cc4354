"""Writes the tables of nycflights13 as Parquet files beside this script.

    python make.py FOLDER      # the folder has airlines.csv, airports.csv, ...

README.md tells where the CSV files come from.
"""

import sys
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

HERE = Path(__file__).parent

# Types that the CSV reader would not choose: it takes int64 for every number.
TINY, SMALL, HOUR = pa.int8(), pa.int16(), pa.timestamp("us", "UTC")
DATE = {"year": SMALL, "month": TINY, "day": TINY, "hour": TINY, "time_hour": HOUR}
CLOCK = ["dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay", "air_time"]
COLUMN_TYPES = {
    "airlines": {},
    "airports": {},
    "flights": {**DATE, **dict.fromkeys([*CLOCK, "flight", "distance"], SMALL), "minute": TINY},
    "planes": {},
    "weather": {**DATE, "wind_dir": SMALL},
}


def convert(name: str, types: dict, folder: Path) -> None:
    options = csv.ConvertOptions(column_types=types, null_values=["NA", "\\N"], strings_can_be_null=True)
    table = csv.read_csv(folder / f"{name}.csv", convert_options=options)
    target = HERE / f"{name}.parquet"
    parquet.write_table(table, target, compression="zstd", compression_level=19, row_group_size=65536)
    print(f"{name}: {table.num_rows} rows, {target.stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, types in COLUMN_TYPES.items():
        convert(name, types, Path(sys.argv[1]))
