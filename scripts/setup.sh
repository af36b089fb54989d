#!/usr/bin/env bash
# Make the Python environment: find an interpreter, see to what Sherpa's build needs, install xbatch with everything.
#
# usage: scripts/setup.sh VENV
#
# Sherpa comes from PyPI as source only, so compilers, FFTW and a parser generator must be there. As root on Debian or
# Ubuntu what is missing is installed; anywhere else it is named, with the commands that install it.
# Written for bash 3.2 too, which is what macOS has.
set -euo pipefail

venv=${1:?usage: scripts/setup.sh VENV}
minimum=11 # Python 3.minimum up to 3.below, not including it, as in pyproject.toml
below=14

say() { printf '%s\n' "$*" >&2; }

suits() { # is $1 a Python of a version that xbatch runs on?
  "$1" -c "import sys; raise SystemExit(not (3, $minimum) <= sys.version_info[:2] < (3, $below))" 2>/dev/null
}

find_python() { # print the interpreter to use, or nothing
  local name path
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    path=$(command -v "$name" 2>/dev/null) || continue
    if suits "$path"; then
      printf '%s\n' "$path"
      return
    fi
  done
}

have() { command -v "$1" >/dev/null 2>&1; }

look() { # set `python` and `missing`, the latter in the words of the table below
  local tool
  missing=
  for tool in gcc g++ gfortran pkg-config flex; do
    have "$tool" || missing="$missing $tool"
  done
  have bison || have byacc || have yacc || missing="$missing yacc"
  { have pkg-config && pkg-config --exists fftw3; } || missing="$missing fftw"
  python=$(find_python)
  if [[ -z $python ]]; then
    missing="$missing python"
    return
  fi
  "$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing venv"
  "$python" -c 'import os, sysconfig as s; raise SystemExit(not os.path.exists(s.get_path("include") + "/Python.h"))' ||
    missing="$missing headers"
}

packages() { # the packages of system $1 (apt, dnf, brew or conda) that give what is missing
  awk -v manager="$1" -v missing="$missing" '
    BEGIN { count = split(missing, wanted, " "); for (i = 1; i <= count; i++) want[wanted[i]] }
    NR == 1 { for (i = 2; i <= NF; i++) if ($i == manager) column = i; next }
    $1 in want { gsub(",", " ", $column); if (!seen[$column]++) printf "%s ", $column }
  ' <<'TABLE'
what        apt                              dnf                          brew         conda
gcc         gcc                              gcc                          gcc          c-compiler
g++         g++                              gcc-c++                      gcc          cxx-compiler
gfortran    gfortran                         gcc-gfortran                 gcc          fortran-compiler
pkg-config  pkg-config                       pkgconf-pkg-config           pkgconf      pkg-config
flex        flex                             flex                         flex         flex
yacc        byacc                            bison                        bison        bison
fftw        libfftw3-dev                     fftw-devel                   fftw         fftw
python      python3,python3-venv,python3-dev python3.12,python3.12-devel  python@3.12  python=3.12
venv        python3-venv                     python3                      python@3.12  python=3.12
headers     python3-dev                      python3-devel                python@3.12  python=3.12
TABLE
}

explain() {
  say "Missing:$missing"
  say "Install it with the line for your system, then run make again:"
  say "  Debian, Ubuntu   sudo apt-get update && sudo apt-get install -y $(packages apt)"
  say "  Fedora, RHEL     sudo dnf install -y $(packages dnf)"
  say "  macOS            brew install $(packages brew)"
  say "  conda            conda install -c conda-forge $(packages conda)"
  case " $missing " in
    *' python '*)
      say "xbatch runs on Python 3.$minimum to 3.$((below - 1)); if you have one elsewhere: make setup PYTHON=/path/to/it"
      ;;
  esac
  say "To do without compilers, use conda: conda env create -f environment.yml (see docs/install.md)"
}

look
if [[ -n $missing && $(id -u) == 0 ]] && have apt-get; then
  say "Installing with apt-get: $(packages apt)"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq </dev/null >&2
  # shellcheck disable=SC2046 # one word for each package
  apt-get install -y -qq --no-install-recommends $(packages apt) </dev/null >&2
  look
fi
if [[ -n $missing ]]; then
  explain
  exit 1
fi

if [[ -e $venv ]] && ! { suits "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
  rm -rf "$venv" # another Python's, or left half-made
fi
say "Installing into $venv with $("$python" -V) ($python); Sherpa is compiled the first time, which takes minutes"
[[ -e $venv ]] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[fit,dev]' </dev/null
"$venv/bin/xbatch" --version >&2
