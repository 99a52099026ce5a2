// The specification of a copy job (COPY, and ADD of files), as src/layer/copy.ts writes it.
#pragma once
#include <string>
#include <vector>

#include "times.h"
#include "view.h"
#include "xattr.h"

struct CopyEntry {
  std::string sourcePath;  // in its source's root
  std::string path;        // below the item's destination; "" for a single file
  uint32_t mode = 0;       // with the type; as it is to land in the image
  uint32_t uid = 0, gid = 0;
  // What the caller saw. Of regular files all five must still hold when the data is read.
  uint64_t sizeBytes = 0;
  int64_t mtimeNs = 0, ctimeNs = 0;
  uint64_t ino = 0;
  uint64_t rdev = 0;
  std::string linkTarget;
  uint32_t linkGroup = 0;  // same number: one file with several names; 0: none
  bool readsXattrs = false;  // extended attributes are taken from the source; else they are `xattrs`
  Xattrs xattrs;             // sorted
  bool isImplied = false;    // a directory that is there only for what is in it: see `impliedMode`
  uint32_t impliedMode = 0;  // what a directory that stands at its place gets of it; without the type
  uint32_t source = 0;       // the item's
};

struct CopyItem {
  std::string destination;
  bool destinationIsDirectory = false;
  bool isSingle = false;  // one entry that is not a directory, or else a directory's content
  std::string baseName;   // of the source, for a single entry that goes into a directory
  bool hasTime = false;   // of a source directory, which the destination gets where times are kept
  int64_t mtimeNs = 0;
  size_t first = 0, count = 0;  // of CopyRequest.entries
};

struct CopySource {
  bool isView = false;
  std::string directory;
  ViewSpec view;
};

struct CopyRequest {
  ViewSpec destination;
  bool userxattr = false;
  TimePolicy times;
  bool link = false;  // COPY --link: the layer knows nothing of those below
  uint32_t parentMode = 0755, parentUid = 0, parentGid = 0;  // of directories that are made on the way
  bool parentsInherit = false;  // nobody asked for their owner: in a setgid directory they get its group
  int64_t parentSeconds = 0;
  std::vector<CopySource> sources;
  std::vector<CopyItem> items;
  std::vector<CopyEntry> entries;
};

CopyRequest readCopyRequest(SpecReader& spec);
