// COPY, and ADD of files: writes the layer's tar straight from the sources; no copy of the tree is made.
//
// Specification: copy-request.h. Descriptor 0: where the tar goes. Result: u64 bytes of the tar, u64 entries.
//
// The result is what BuildKit's copy into the merged tree would have changed (tonistiigi/fsutil, copy/copy.go): the
// destination itself is resolved through links inside the root; below it nothing is followed. A tree of names is built in
// memory, later items over earlier ones, then compared with the view below and written.
#include <fcntl.h>

#include "compare.h"
#include "copy-source.h"
#include "copy-tree.h"
#include "listing.h"

namespace {

// Finds out which nodes differ from what lies below, and which link groups are whole.
class CopyComparison {
 public:
  CopyComparison(const Operation& operation, const CopyRequest& request, CopyFiles& files, LinkGroups& links)
      : operation_(operation), request_(request), files_(files), links_(links) {}

  void directory(TreeNode& node, LowerDirectory lower, std::string& path, size_t depth) {
    if (depth > kDepthMax) operation_.refuse(ELOOP, path, path + ": directories are nested too deeply");
    const size_t length = path.size();
    for (auto& [name, child] : node.children) {
      path += '/' + name;
      entry(*child, lower, name.c_str(), path, depth);
      path.resize(length);
    }
  }

 private:
  void entry(TreeNode& node, LowerDirectory lower, const char* name, std::string& path, size_t depth) {
    struct stat st;
    const bool hasLower = lower.find(operation_, name, path, st);
    if (node.source != kNoSource) {
      node.changed = !hasLower || !sameAttributes(operation_, node, lower, name, path, st, request_.times) ||
                     !sameData(node, lower, name, path);
    }
    if (S_ISDIR(node.mode)) {
      Fd below;
      if (hasLower && S_ISDIR(st.st_mode)) below = openDirectory(operation_, lower.fd, name, path);
      return directory(node, {below.get()}, path, depth + 1);
    }
    const uint32_t group = request_.entries[node.source].linkGroup;
    if (group == 0) return;
    node.linkGroup = links_.of(0, group);
    links_.note(node.linkGroup, node.changed, hasLower ? &st : nullptr);
  }

  bool sameData(const TreeNode& node, LowerDirectory lower, const char* name, const std::string& path) {
    if (!node.isRegular()) return true;
    const CopyEntry& entry = request_.entries[node.source];
    if (S_ISSOCK(entry.mode)) return true;  // empty, as is what has the same size
    const Fd mine = files_.open(entry);
    const Fd below = openFile(operation_, lower.fd, name, path);
    const bool same = sameContent(operation_, mine.get(), below.get(), path);
    files_.verify(entry, mine.get());
    return same;
  }

  const Operation& operation_;
  const CopyRequest& request_;
  CopyFiles& files_;
  LinkGroups& links_;
};

}  // namespace

void runCopy(Job& job, SpecReader& spec) {
  const Operation operation{job, "copy"};
  const CopyRequest request = readCopyRequest(spec);
  requireSpec(operation, spec, 1);
  raiseDescriptorLimit();
  Fd mounted, view;
  if (!request.link) {
    mounted = openView(job, request.destination, request.userxattr);
    view = Fd(openat(mounted.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!view.valid()) operation.failErrno("openat", "/");
  }
  CopyFiles files(operation, job, request);
  TreeNode root;
  CopyTree tree(operation, request, files, view.get(), root);
  for (const CopyItem& item : request.items) tree.item(item);

  LinkGroups links;
  std::string path;
  CopyComparison(operation, request, files, links).directory(root, {view.get()}, path, 0);
  selectLayer(root, links);
  TarWriter tar(operation, job.fds[0].get());
  writeLayer(operation, tar, root, links, request.times, files);
  FrameWriter result;
  result.u64(tar.sizeBytes());
  result.u64(tar.entryCount());
  succeed(job, result);
}
