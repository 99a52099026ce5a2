// A view: the merged tree of a stack of layers, mounted for this process alone by the new mount API and used through
// its root descriptor only; nothing is attached to the file system, so nothing can be left behind.
#pragma once
#include <string>
#include <vector>

#include "fd.h"
#include "job.h"

// What one layer of a stack is, or a whole stack: `Tree` is the merged tree itself, where nothing can be mounted, and stands
// alone. What is written to it stays in it.
struct Lower {
  enum class Kind : uint8_t { Directory = 0, Tree = 1 };
  Kind kind = Kind::Directory;
  std::string path;
};

struct ViewSpec {
  std::vector<Lower> lowers;  // lowest first
  std::string upper;          // empty: read-only view of the lowers alone
  std::string work;

  bool isTree() const { return lowers.size() == 1 && lowers[0].kind == Lower::Kind::Tree; }
};

// u32 count, then u8 kind and bytes path for each lower, lowest first; then bytes upper, bytes work.
ViewSpec readViewSpec(SpecReader& spec);

// Mounts the view in a new mount namespace of this process (made on first use) and returns a descriptor of its root.
// No lower at all gives an empty directory. Options are passed explicitly: redirect_dir=off (or nofollow), index=off,
// xino=off, metacopy=off, volatile with an upper, userxattr in a user namespace. A tree is opened and nothing is mounted.
// Ends the job with `fail` on errors.
Fd openView(const Job& job, const ViewSpec& view, bool userxattr);
