"""What a file is that is not a readable image: its true name, and the way out."""

from PIL import Image

AS_PNG = "Save it as PNG, TIFF or JPEG"
DICOM = (
    f"{AS_PNG}: Image.fromarray(pydicom.dcmread(path).pixel_array).save(path + '.png')."
)
# Where the signature stands, what it is, whose it is, and the way out.
SIGNATURES = (
    (128, b"DICM", "a DICOM file", DICOM),
    (0, b"\x02\0\0\0", "a DICOM file without its preamble", DICOM),
    (0, b"\x08\0\x05\0", "a DICOM file without its preamble", DICOM),
    (0, b"\x08\0\x08\0", "a DICOM file without its preamble", DICOM),
    (4, b"ftypheic", "a HEIC photograph", f"{AS_PNG}; phones can write JPEG."),
    (4, b"ftypheix", "a HEIC photograph", f"{AS_PNG}; phones can write JPEG."),
    (4, b"ftypmif1", "a HEIF photograph", f"{AS_PNG}; phones can write JPEG."),
    (4, b"ftypavif", "an AVIF image", f"{AS_PNG}."),
    (4, b"ftypcrx", "a raw photograph (CR3)", f"{AS_PNG}, by the camera's program."),
    (4, b"ftyp", "a video", "Save one frame of it as PNG."),
    (8, b"AVI ", "a video", "Save one frame of it as PNG."),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL image", f"{AS_PNG}."),
    (0, b"\xff\x0a", "a JPEG XL image", f"{AS_PNG}."),
    (0, b"FUJIFILMCCD-RAW", "a raw photograph", f"{AS_PNG}, by the camera's program."),
    (0, b"%PDF", "a PDF document", "Export its photographs as PNG."),
    (0, b"8BPS", "a Photoshop document", f"{AS_PNG}."),
    (0, b"\x93NUMPY", "a NumPy array", "Pass it as an array: np.load(path)."),
    (0, b"\x89HDF", "an HDF5 file", "Read its images, and pass them as an array."),
    (0, b"MATLAB 5.0", "a MATLAB file", "Read its images by scipy.io.loadmat."),
    (344, b"n+1\0", "a NIfTI volume", f"{AS_PNG}, one slice to a file."),
    (0, b"PK\x03\x04", "a zip archive", "Unpack it."),
    (0, b"\x1f\x8b", "compressed by gzip", "Unpack it: gunzip."),
    (0, b"7z\xbc\xaf", "a 7z archive", "Unpack it."),
    (0, b"Rar!", "a rar archive", "Unpack it."),
    (
        0,
        b"version https://git-lfs",
        "a pointer of Git LFS, not the file itself",
        "Fetch the file: git lfs pull.",
    ),
)


def name_kind(path, formats):
    """Say what a file is that Pillow does not take for an image.

    Parameters
    ----------
    path : str
        The file.
    formats : sequence of str
        The formats that are read.

    Returns
    -------
    what, way : str
        What it is, after "is", and the way out.
    """
    with open(path, "rb") as file:
        start = file.read(512)
        for place, signature, what, way in SIGNATURES:
            if start[place:].startswith(signature):
                return what, way
        for name in formats:
            factory, accept = Image.OPEN[name]
            if accept is not None and accept(start[:16]):
                file.seek(0)
                try:
                    factory(file, path)
                except Exception as error:
                    return f"a {name} file that cannot be read ({error})", (
                        "Copy it again if it is damaged, else save it with 8 bits for "
                        "each colour."
                    )
    return (
        f"not an image: it begins with {start[:16]!r}",
        f"Expected one of {', '.join(formats)}; a web page under this name is a failed "
        "download.",
    )
