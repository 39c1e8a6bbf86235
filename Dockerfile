# The worker and, in the same image, the command line. Not built where it was written
# (there is no container engine there): read, not run.
FROM python:3.13.13-slim-trixie

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app

WORKDIR /app

# Before the code, so that a change of code does not install everything anew.
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --require-hashes -r requirements.lock

# The package is links to the rooms, which are copied beside it.
COPY madan_sara/ madan_sara/
COPY contracts/ contracts/
COPY policy/ policy/
COPY activities/ activities/
COPY workflows/ workflows/
COPY persistence/ persistence/
COPY delivery/ delivery/
COPY config/ config/
COPY starter/ starter/
COPY cli/ cli/
COPY worker/ worker/

RUN useradd --system --no-create-home --uid 10001 madan-sara
USER madan-sara

# No HEALTHCHECK: the worker listens on nothing. One that cannot poll ends with an error,
# and the restart policy starts it again.
CMD ["python", "-m", "madan_sara.worker"]
