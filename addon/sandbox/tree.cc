#include "tree.h"

namespace {

constexpr const char* kWhiteoutPrefix = ".wh.";

TarType typeOf(uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR: return TarType::Directory;
    case S_IFLNK: return TarType::SymbolicLink;
    case S_IFCHR: return TarType::CharacterDevice;
    case S_IFBLK: return TarType::BlockDevice;
    case S_IFIFO: return TarType::Fifo;
    default: return TarType::File;
  }
}

// One pass over the tree that writes what was selected.
class LayerWriting {
 public:
  LayerWriting(const Operation& operation, TarWriter& tar, LinkGroups& links, const TimePolicy& times, LayerSource& source)
      : operation_(operation), tar_(tar), links_(links), times_(times), source_(source) {}

  void directory(TreeNode& node, std::string& path) {
    for (const auto& [name, child] : node.children) {
      if (child->inLayer && child->kind == TreeNode::Kind::Whiteout) whiteout(path, name);
    }
    for (const auto& [name, child] : node.children) {
      if (child->inLayer && child->kind == TreeNode::Kind::Entry) entry(*child, name, path);
    }
  }

 private:
  void whiteout(const std::string& path, const std::string& name) {
    TarEntry entry;
    entry.path = path + kWhiteoutPrefix + name;
    tar_.header(entry);
  }

  void entry(TreeNode& node, const std::string& name, std::string& path) {
    const size_t parentLength = path.size();
    path += name;
    if (name.compare(0, 4, kWhiteoutPrefix) == 0) {
      operation_.refuse(EINVAL, path, "/" + path + ": an image cannot hold a file whose name starts with .wh.");
    }
    if (S_ISDIR(node.mode)) {
      tar_.header(tarEntryOf(node, path, times_));
      path += '/';
      source_.enterDirectory(name, path);
      directory(node, path);
      source_.leaveDirectory();
    } else {
      leaf(node, name, path);
    }
    path.resize(parentLength);
  }

  void leaf(const TreeNode& node, const std::string& name, const std::string& path) {
    TarEntry entry = tarEntryOf(node, path, times_);
    LinkGroup* group = node.linkGroup == 0 ? nullptr : &links_.at(node.linkGroup);
    if (group != nullptr && !group->firstPath.empty()) {
      entry.type = TarType::HardLink;
      entry.linkTarget = group->firstPath;
      entry.sizeBytes = 0;
      entry.xattrs = nullptr;  // they are the file's, and stand with its first name
      tar_.header(entry);
      return;
    }
    if (group != nullptr) group->firstPath = path;
    tar_.header(entry);
    if (node.isRegular()) source_.writeData(tar_, node, name, path);
  }

  const Operation& operation_;
  TarWriter& tar_;
  LinkGroups& links_;
  const TimePolicy& times_;
  LayerSource& source_;
};

}  // namespace

void setAttributes(TreeNode& node, const struct stat& st) {
  node.mode = st.st_mode;
  node.uid = st.st_uid;
  node.gid = st.st_gid;
  node.rdev = S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? st.st_rdev : 0;
  node.sizeBytes = S_ISREG(st.st_mode) ? static_cast<uint64_t>(st.st_size) : 0;
  node.mtimeSeconds = st.st_mtim.tv_sec;
}

uint32_t LinkGroups::of(uint64_t device, uint64_t inode) {
  const auto [at, isNew] = ids_.try_emplace({device, inode}, static_cast<uint32_t>(groups_.size()));
  if (isNew) groups_.emplace_back();
  return at->second;
}

void LinkGroups::note(uint32_t id, bool changed, const struct stat* lower) {
  LinkGroup& group = groups_[id];
  const bool first = group.names == 0;
  group.names += 1;
  if (first && lower != nullptr) {
    group.lowerDev = lower->st_dev;
    group.lowerIno = lower->st_ino;
  }
  if (changed || lower == nullptr || lower->st_dev != group.lowerDev || lower->st_ino != group.lowerIno) {
    group.changed = true;
  }
}

bool selectLayer(TreeNode& node, LinkGroups& links) {
  bool needed = false;
  for (auto& [name, child] : node.children) needed |= selectLayer(*child, links);
  switch (node.kind) {
    case TreeNode::Kind::Absent: break;
    case TreeNode::Kind::Whiteout: needed = true; break;
    case TreeNode::Kind::Entry:
      needed |= node.changed;
      if (node.linkGroup != 0) needed |= links.at(node.linkGroup).changed;
      break;
  }
  node.inLayer = needed;
  return needed;
}

TarEntry tarEntryOf(const TreeNode& node, const std::string& path, const TimePolicy& times) {
  TarEntry entry;
  entry.path = S_ISDIR(node.mode) ? path + '/' : path;
  entry.type = typeOf(node.mode);
  entry.mode = node.mode & 07777;
  entry.uid = node.uid;
  entry.gid = node.gid;
  entry.sizeBytes = node.isRegular() ? node.sizeBytes : 0;
  entry.mtimeSeconds = times.apply(node.mtimeSeconds);
  entry.linkTarget = node.linkTarget;
  entry.rdev = node.rdev;
  entry.xattrs = &node.xattrs;
  return entry;
}

void writeLayer(const Operation& operation, TarWriter& tar, TreeNode& root, LinkGroups& links, const TimePolicy& times,
                LayerSource& source) {
  std::string path;
  LayerWriting(operation, tar, links, times, source).directory(root, path);
  tar.finish();
}
