"""A backup is a folder: MongoDB's documents and the manifest of S3 at one moment, and where asked the objects.

  collections/NAME.bson   the documents of a collection in the order of _id, end to end, as mongodump writes them
  objects.jsonl           a line an object that the manifest named: key, bytes, and of a copied one its CRC32C
  objects/KEY             the copied objects
  backup.json             what there is, with a checksum for every 16 MiB of each file: written last, so a folder
                          without it is no backup

Taking (taking.py): a hold on the objects, so that none is deleted; then all collections in one snapshot session, which
sees one moment; then the objects that the chunks of this moment name. Restoring (restoring.py): the folder is checked,
byte for byte, before anything is touched; database and bucket must be empty; objects come before the documents that
name them; what was stored is read again and compared. Files are their owner's alone: the database holds hashes of
tokens, and everything that was logged.

  contents.py   what backup.json says
  files.py      writing, checksums, checking
  documents.py  collections out of MongoDB and into it
  objects.py    objects out of S3 and into it
  stores.py     the two servers
"""
