// graph/arena.hpp - memory for the graph code: plain structs over somebody else's allocator, without destructors,
// because a PostgreSQL error may jump over them (the memory context then frees everything).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ruvector/graph/layout.hpp"

namespace ruvector::graph {

// allocate never returns null (it raises or aborts); it aligns to 8 bytes at least.
struct Arena {
	void *context;
	void *(*allocate)(void *context, size_t bytes);
	void (*release)(void *context, void *memory);

	template <typename T>
	T *array(size_t n) {
		return static_cast<T *>(allocate(context, n * sizeof(T) + 64));
	}
	// 64-byte aligned; cannot be released.
	template <typename T>
	T *aligned_array(size_t n) {
		uintptr_t p = reinterpret_cast<uintptr_t>(allocate(context, n * sizeof(T) + 128));
		return reinterpret_cast<T *>((p + 63) / 64 * 64);
	}
};

template <typename T>
struct List {
	static_assert(std::is_trivially_copyable_v<T>);
	T *data = nullptr;
	uint32_t size = 0;
	uint32_t capacity = 0;

	void reserve(Arena &arena, uint32_t n) {
		if (n > capacity)
			grow(arena, n);
	}
	void push(Arena &arena, const T &value) {
		if (size == capacity)
			grow(arena, size + 16);
		data[size++] = value;
	}
	T &operator[](uint32_t i) { return data[i]; }
	const T &operator[](uint32_t i) const { return data[i]; }
	T *begin() { return data; }
	T *end() { return data + size; }

private:
	// Out of the way of what is called for every candidate.
	__attribute__((noinline)) void grow(Arena &arena, uint32_t n) {
		uint32_t bigger = capacity * 2 > n ? capacity * 2 : n;
		T *fresh = arena.array<T>(bigger);
		if (size)
			std::memcpy(static_cast<void *>(fresh), data, size * sizeof(T));
		if (data)
			arena.release(arena.context, data);
		data = fresh;
		capacity = bigger;
	}
};

// Open-addressing table from node ids to a distance. kNoNode is the empty key.
struct IdTable {
	struct Entry {
		NodeId id;
		float value;
	};
	Entry *entries = nullptr;
	uint32_t size = 0;
	uint32_t mask = 0; // capacity - 1

	void reset(Arena &arena, uint32_t expected) {
		uint32_t capacity = 64;
		while (capacity < expected * 2)
			capacity *= 2;
		// Nor is what one search in many needed cleared for all that follow.
		if (!entries || capacity > mask + 1 || capacity < (mask + 1) / 64) {
			if (entries)
				arena.release(arena.context, entries);
			entries = arena.array<Entry>(capacity);
			mask = capacity - 1;
		}
		std::memset(static_cast<void *>(entries), 0, (size_t(mask) + 1) * sizeof(Entry));
		size = 0;
	}
	Entry *find(NodeId id) const {
		for (uint32_t i = place(id);; i = (i + 1) & mask)
			if (entries[i].id == id || entries[i].id == kNoNode)
				return &entries[i];
	}
	bool contains(NodeId id) const { return find(id)->id == id; }
	// False when it was there already.
	bool insert(Arena &arena, NodeId id, float value) {
		Entry *e = find(id);
		if (e->id == id)
			return false;
		*e = {id, value};
		if (++size * 2 > mask)
			grow(arena);
		return true;
	}
	size_t bytes() const { return (size_t(mask) + 1) * sizeof(Entry); }
	// All places, the empty ones too.
	const Entry *begin() const { return entries; }
	const Entry *end() const { return entries + mask + 1; }

private:
	uint32_t place(NodeId id) const { return uint32_t((id * 0x9e3779b97f4a7c15u) >> 32) & mask; }
	void grow(Arena &arena) {
		Entry *old = entries;
		uint32_t old_capacity = mask + 1;
		entries = arena.array<Entry>(size_t(old_capacity) * 2);
		mask = old_capacity * 2 - 1;
		std::memset(static_cast<void *>(entries), 0, (size_t(mask) + 1) * sizeof(Entry));
		for (uint32_t i = 0; i < old_capacity; i++)
			if (old[i].id != kNoNode)
				*find(old[i].id) = old[i];
		arena.release(arena.context, old);
	}
};

} // namespace ruvector::graph
