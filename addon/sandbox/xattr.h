// Extended attributes: which of them belong into a layer, and what overlayfs says with its own.
#pragma once
#include <string>
#include <vector>

#include "layer-xattr.h"
#include "operation.h"

// What stands on one file of an upperdir.
struct XattrReading {
  Xattrs kept;                      // belong into the layer
  std::vector<std::string> stray;   // trusted.* and other user.*: a snapshot must not have them
  bool opaque = false;              // overlay.opaque=y: hides the directory of the same name below
  bool whiteout = false;            // overlay.whiteout on an empty regular file (kernel 6.7, nested overlays)
  const char* unsupported = nullptr;  // metacopy or redirect: the file's data or name lies elsewhere; never made by our mounts
};

// Reads the attributes of `name` in the directory, without following a link. Changes the working directory: there is
// no *at form of these calls before Linux 6.13, and a job is a single-threaded process of its own.
XattrReading readXattrs(const Operation& operation, int dirFd, const char* name, const std::string& path, bool userxattr);
// Only what belongs into a layer: for lower views and copy sources.
Xattrs readLayerXattrs(const Operation& operation, int dirFd, const char* name, const std::string& path);

// Both leave errno and return false on failure.
bool setXattr(int dirFd, const char* name, const std::string& key, const std::string& value);
bool removeXattr(int dirFd, const char* name, const std::string& key);
