// A view: the merged tree of a stack of layers, mounted for this process alone by the new mount API and used through
// its root descriptor only; nothing is attached to the file system, so nothing can be left behind.
#pragma once
#include <string>
#include <vector>

#include "fd.h"
#include "job.h"

// What one layer of a stack is; only directories today, an EROFS index over its tar later.
struct Lower {
  uint8_t kind = 0;  // 0: directory
  std::string path;
};

struct ViewSpec {
  std::vector<Lower> lowers;  // lowest first
  std::string upper;          // empty: read-only view of the lowers alone
  std::string work;
};

// u32 count, then u8 kind and bytes path for each lower, lowest first; then bytes upper, bytes work.
ViewSpec readViewSpec(SpecReader& spec);

// Mounts the view in a new mount namespace of this process (made on first use) and returns a descriptor of its root.
// No lower at all gives an empty directory. Options are passed explicitly: redirect_dir=off (or nofollow), index=off,
// xino=off, metacopy=off, volatile with an upper, userxattr in a user namespace. Ends the job with `fail` on errors.
Fd openView(const Job& job, const ViewSpec& view, bool userxattr);
