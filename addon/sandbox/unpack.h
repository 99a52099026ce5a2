// Unpacks a hostile archive below one root directory. Two users: apply.cc makes a snapshot from a layer, extract.cc puts
// an archive into an active snapshot (ADD). What they differ in is the policy.
//
// Nothing is ever reached by a joined path: the parent of each entry is resolved inside the root, links included, and held
// by descriptor; the last name is created exclusively, so that no link is written through. An entry replaces what stands
// at its name; a directory over a directory keeps the content. Attributes of directories are set at the end.
#pragma once
#include <sys/stat.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fd.h"
#include "operation.h"
#include "tar-reader.h"

struct UnpackPolicy {
  enum class Kind {
    LayerIntoDirectory,  // whiteouts become overlayfs's own: the root is to be a lowerdir
    LayerIntoView,       // whiteouts delete: the root is a mounted stack, and the result its upperdir
    Archive,             // names that start with `.wh.` are refused: no image can hold them
  };
  Kind kind = Kind::LayerIntoDirectory;
  std::string base;        // directory to be made in the root; "" or ending in `/`
  std::string shown;       // what stands before the paths of entries in messages; "" or ending in `/`
  bool userxattr = false;
  bool hasOwner = false;   // every entry gets this owner instead of its own
  uint32_t uid = 0, gid = 0;
  bool ownsMissing = true; // also directories that no entry describes; else they are 0:0
  bool hasMode = false;    // every file and directory gets these permission bits
  uint32_t mode = 0;
};

class Unpacking {
 public:
  Unpacking(const Operation& operation, int rootFd, UnpackPolicy policy);

  // Makes the base with its parents.
  void makeBase() { enterParent(policy_.base); }
  void member(TarReader& reader, const TarMember& member);
  // Sets the attributes of directories; to be called once, after the last member.
  void finish();
  // What depends on the layers below: directories that the archive does not list, an opaque root, hard links to files that
  // it does not hold (which are left out). A snapshot made from such a layer alone is only right where the layers below agree.
  uint64_t impliedCount() const { return implied_; }

 private:
  struct Attributes {
    uint32_t mode = 0755, uid = 0, gid = 0;
    int64_t mtimeSeconds = 0;
    long mtimeNanoseconds = 0;
    Xattrs xattrs;
    bool hasTime = false;
  };

  bool layer() const { return policy_.kind != UnpackPolicy::Kind::Archive; }
  bool intoDirectory() const { return policy_.kind == UnpackPolicy::Kind::LayerIntoDirectory; }
  bool intoView() const { return policy_.kind == UnpackPolicy::Kind::LayerIntoView; }
  const char* opaqueKey() const { return policy_.userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque"; }

  void noteMade(std::string path);
  void enterParent(const std::string& parent);
  bool clearWhiteoutAbove(const std::string& parent);
  void makeMissing(const std::vector<std::string>& components, size_t existing);
  void makeDirectory(int parentFd, const std::string& name, const std::string& path);
  void create(TarReader& reader, const TarMember& member, const std::string& name, const std::string& path);
  void createFile(TarReader& reader, const TarMember& member, const char* name, const std::string& path);
  void createSymbolicLink(const TarMember& member, const char* name, const std::string& path);
  void createHardLink(const TarMember& member, const char* name, const std::string& path);
  void createNode(const TarMember& member, const char* name, const std::string& path);
  void whiteout(const std::string& name, const std::string& path);
  void makeWhiteout(const char* name, const std::string& path);
  void opaque(const std::string& path);
  void deleteBelow(int dirFd, const std::string& name, const std::string& path);
  void deleteLower(int dirFd, const std::string& path);
  void clear(int parentFd, const char* name, const std::string& path);
  template <typename Make>
  void replacing(const char* name, const std::string& path, const char* syscall, Make make);
  Attributes attributesOf(const TarMember& member) const;
  void setOwnerAndMode(const char* name, const Attributes& attributes, bool isLink, const std::string& path);
  void setXattrs(int dirFd, const char* name, const Xattrs& xattrs, const std::string& path);
  void finishDirectory(const std::string& path, const Attributes& attributes);

  const Operation& operation_;
  int rootFd_;
  UnpackPolicy policy_;
  // The last entry's parent: archives list a directory's entries together. Dropped whenever something is replaced, so
  // that it can never be another directory than its path says (CVE-2021-37701).
  bool parentValid_ = false;
  std::string parentAsked_;  // as the archive says it
  std::string parentPath_;   // as it was resolved; "" or ending in `/`
  Fd parent_;
  std::map<std::string, Attributes> directories_;  // by resolved path
  std::set<std::string> made_;                     // LayerIntoView: what this layer made, and what that lies in
  uint64_t implied_ = 0;
};
