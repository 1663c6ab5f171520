# The dashboards: as made from their source.
packages python3-minimal

python3 charts/dashboards --check
