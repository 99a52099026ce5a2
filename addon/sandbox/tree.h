// A layer in memory: the names and attributes of what it may hold, as a tree, and the rules that every layer follows
// whoever made it: what is kept, in which order, and which name of a hard-link group carries the data.
#pragma once
#include <sys/stat.h>

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tar-writer.h"
#include "times.h"
#include "xattr.h"

struct TreeNode;
// std::string compares as unsigned bytes, which is the canonical order.
using TreeChildren = std::map<std::string, std::unique_ptr<TreeNode>>;

struct TreeNode {
  enum class Kind : uint8_t {
    Entry,
    Whiteout,  // the name is gone
    Absent,    // stands in the upperdir but says nothing: a whiteout over nothing, a socket
  };
  Kind kind = Kind::Entry;
  bool changed = false;  // differs from what lies below, or is new
  bool inLayer = false;  // set by `selectLayer`
  bool isAboveDirectory = false;  // copy only: a directory that stands on one of the view below
  uint32_t mode = 0;     // with the type
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t linkGroup = 0;  // index into LinkGroups; 0: not linked
  uint64_t rdev = 0;
  uint64_t sizeBytes = 0;
  int64_t mtimeSeconds = 0;  // as found; the policy is applied when it is written
  size_t source = 0;         // copy only: which of the request's entries it came from
  std::string linkTarget;
  Xattrs xattrs;
  std::vector<std::string> stray;  // commit only: attributes that `normalise` removes
  TreeChildren children;

  bool isDirectory() const { return kind == Kind::Entry && S_ISDIR(mode); }
  bool isRegular() const { return kind == Kind::Entry && S_ISREG(mode); }
};

// Fills everything that stat says.
void setAttributes(TreeNode& node, const struct stat& st);

// Names of one file within the layer. A group is in the layer as a whole or not at all. That names which are linked below
// stand alone here is no difference by itself: overlayfs splits them when it copies one up, other backends do not.
struct LinkGroup {
  uint32_t names = 0;      // regular entries that belong to it
  bool changed = false;    // one of them differs, or the lower does not link them alike
  uint64_t lowerDev = 0;   // the file below that the first name stands on
  uint64_t lowerIno = 0;
  std::string firstPath;   // set while writing
};

class LinkGroups {
 public:
  // The group of a file of the tree, by the source's own identity.
  uint32_t of(uint64_t device, uint64_t inode);
  // Notes one name: whether it differs from the file below, and which file that is (null: none).
  void note(uint32_t group, bool changed, const struct stat* lower);
  LinkGroup& at(uint32_t group) { return groups_[group]; }

 private:
  std::map<std::pair<uint64_t, uint64_t>, uint32_t> ids_;
  std::vector<LinkGroup> groups_{1};
};

// Decides for every node whether it is in the layer: what changed, link groups with a changed name, whiteouts, and the
// directories above them. Returns whether the node itself is.
bool selectLayer(TreeNode& node, LinkGroups& links);

// Where the data of regular files comes from. The writer walks depth-first and says which directory it is in, so that a
// source may hold one descriptor for each level instead of resolving paths.
struct LayerSource {
  virtual void enterDirectory(const std::string& name, const std::string& path) = 0;
  virtual void leaveDirectory() = 0;
  // Must write exactly node.sizeBytes by `tar.copyData`, or end the job.
  virtual void writeData(TarWriter& tar, const TreeNode& node, const std::string& name, const std::string& path) = 0;

 protected:
  ~LayerSource() = default;
};

// Writes the selected nodes below the root and the archive's end. Names that start with `.wh.` end the job: OCI image
// spec, layer.md#whiteouts, gives them another meaning.
void writeLayer(const Operation& operation, TarWriter& tar, TreeNode& root, LinkGroups& links, const TimePolicy& times,
                LayerSource& source);

// The tar entry of a node, except its path's trailing slash for directories, which it adds.
TarEntry tarEntryOf(const TreeNode& node, const std::string& path, const TimePolicy& times);
