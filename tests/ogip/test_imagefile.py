"""Images of events as FITS files, and exposure maps laid on their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from xbatch.base.errors import FileError
from xbatch.ogip.eventheader import SkyWcs
from xbatch.ogip.fitswriter import Card
from xbatch.ogip.imagefile import ImageGrid, grid_of, identity_cards, read_image, resample, write_image
from xbatch.ogip.skyplane import event_plane
from xbatch.xray.histograms import Axis, binned_axis

SKY = SkyWcs((500.5, 500.5), (321.938, 56.944), (-6.828e-4, 6.828e-4), size=((1, 1000), (1, 1000)))
GTI = np.array([[10.0, 20.0], [30.0, 45.0]])


def grid(width: int, first: int = 1, last: int = 1000) -> ImageGrid:
    return grid_of(SKY, binned_axis(first, last, width), binned_axis(first, last, width))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32])
def test_what_is_written_is_read(tmp_path: Path, dtype: type) -> None:
    made = grid(100)
    data = np.arange(100).reshape(10, 10).astype(dtype)
    path = tmp_path / "band.img"
    write_image(path, data, made, [Card("BAND", "3-79 keV"), Card("MJDREFI", 55197)], GTI)
    with fits.open(path) as file:
        file.verify("exception")
        assert np.array_equal(file[0].data, data) and file[0].data.dtype.newbyteorder("=") == dtype
        assert file[0].header["BAND"] == "3-79 keV" and file["GTI"].header["MJDREFI"] == 55197
        assert np.array_equal(file["GTI"].data["START"], GTI[:, 0])
    again = read_image(path)
    assert np.array_equal(again.data, data)
    assert again.plane.wcs is not None and again.plane.scale == (0.01, 0.01)


def test_a_pixel_lies_where_its_coordinates_do(tmp_path: Path) -> None:
    made = grid(7, 20, 900)
    path = tmp_path / "band.img"
    write_image(path, np.zeros(made.shape, np.int32), made, [])
    header = fits.getheader(path)
    pixel = np.array([[1.0, 1.0], [40.0, 77.0]])
    physical = (pixel - [header["LTV1"], header["LTV2"]]) / [header["LTM1_1"], header["LTM2_2"]]
    assert physical[0, 0] == pytest.approx(23.0)  # the middle of X 20 to 26
    plane = event_plane(SKY, "list")
    assert plane.wcs is not None
    expected = plane.wcs.all_pix2world(physical, 1)
    assert np.allclose(WCS(header).all_pix2world(pixel, 1), expected, rtol=0, atol=1e-10)
    assert np.allclose(WCS(header, key="P").wcs_pix2world(pixel, 1), physical)


def test_pixels_that_do_not_lie_on_the_sky(tmp_path: Path) -> None:
    made = grid_of(None, Axis(1.0, 0.0, 4), Axis(1.0, 0.0, 3), ("DET1X", "DET1Y"))
    path = tmp_path / "det.img"
    write_image(path, np.ones((3, 4), np.int32), made, [])
    header = fits.getheader(path)
    assert "CTYPE1" not in header and (header["CTYPE1P"], header["LTM1_1"]) == ("DET1X", 1.0)
    with pytest.raises(FileError, match="cannot be laid on the sky"):
        resample(read_image(path), grid(10))


@pytest.mark.parametrize(("width", "other"), [(10, 4), (4, 10), (3, 3)])
def test_a_map_of_other_pixels_is_taken_at_the_centres(tmp_path: Path, width: int, other: int) -> None:
    source, target = grid(other), grid(width)
    y, x = np.indices(source.shape)
    path = tmp_path / "map.img"
    write_image(path, (1000.0 * y + x).astype(np.float32), source, [])
    values, there = resample(read_image(path), target)
    rows, columns = np.indices(target.shape)
    centre_x, centre_y = columns * width + (width - 1) / 2, rows * width + (width - 1) / 2
    reach = source.shape[1] * other
    assert np.array_equal(there, (centre_x <= reach - 0.5) & (centre_y <= reach - 0.5))
    # the centre of an even pixel lies on the edge of an odd one: either is right
    error = np.abs(values // 1000 - (centre_y + 0.5) / other + 0.5)[there]
    assert error.max() <= 0.5 + 1e-9
    assert np.array_equal(resample(read_image(path), source)[0], read_image(path).data)


def test_maps_in_another_frame(tmp_path: Path) -> None:
    made = grid(10)
    plane = event_plane(SKY, "list")
    assert plane.wcs is not None
    from astropy.coordinates import SkyCoord

    centre = SkyCoord(321.938, 56.944, unit="deg", frame="fk5").galactic
    head = fits.Header()
    for number, (name, value) in enumerate((("GLON-TAN", centre.l.deg), ("GLAT-TAN", centre.b.deg)), 1):
        head[f"CTYPE{number}"], head[f"CRVAL{number}"], head[f"CRPIX{number}"] = name, value, 101.0
        head[f"CDELT{number}"] = 0.01 * (-1) ** number
    data = np.zeros((201, 201), np.float32)
    data[100, 100] = 7.0
    path = tmp_path / "map.fits"
    fits.PrimaryHDU(data, head).writeto(path)
    values, there = resample(read_image(path), made)
    assert there.all()
    rows, columns = np.nonzero(values)
    assert abs(rows.mean() - 49.5) < 0.6 and abs(columns.mean() - 49.5) < 0.6


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.fits"
    with pytest.raises(FileError, match=r"map\.fits: cannot be read as FITS"):
        read_image(path)
    fits.HDUList([fits.PrimaryHDU()]).writeto(path)
    with pytest.raises(FileError, match="holds no image of two axes"):
        read_image(path)


def test_an_image_in_an_extension_is_found(tmp_path: Path) -> None:
    path = tmp_path / "map.fits.gz"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.ones((2, 3), np.int16))]).writeto(path)
    assert read_image(path).data.shape == (2, 3)


def test_only_what_tells_the_observation_is_passed_on() -> None:
    cards = identity_cards({"TELESCOP": "XMM", "OBS_ID": "1", "SLCTEXPR": "long"})
    assert [(card.keyword, card.value) for card in cards] == [("TELESCOP", "XMM"), ("OBS_ID", "1")]
