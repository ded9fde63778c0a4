"""What the gate looks at, a file a matter: each check takes what is to be released and gives one verdict.

=============  ====================================================================================
``verdict``    what a check says
``look``       the Parquet files of a dataset, opened once for all checks
``dataset``    the files are those of the record; schema as registered
``pictures``   every Parquet file opens, every picture decodes
``counts``     in = out + rejects, and the record's counts are those of the files
``splits``     no id, picture, patient, lesion or book in two splits
``text``       no secrets, paths of this machine or e-mail addresses
``locator``    a locator holds no pixels and no sentences
``weights``    safetensors only, and the ones that were recorded and measured
``results``    results are there, at revisions that training knew
``training``   the training data is what was recorded, and audited against the benchmarks
``scores``     skinvl8 and the questions answered, above the floor, no worse than the last version
``card``       the card is whole
=============  ====================================================================================
"""
