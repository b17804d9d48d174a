/*
 * ruvector.h - on-disk layout of the types, for other extensions. Plain C; include postgres.h first.
 * The layouts are pgvector's: values can be exchanged with it byte by byte.
 */
#ifndef RUVECTOR_H
#define RUVECTOR_H

/* vector: dim IEEE single-precision elements; 1 to 16,000 dimensions. */
typedef struct RuvectorVector
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int16		dim;			/* number of dimensions */
	int16		unused;			/* reserved, always zero */
	float		x[FLEXIBLE_ARRAY_MEMBER];
} RuvectorVector;

/* halfvec: dim IEEE half-precision elements, as bit patterns; 1 to 16,000 dimensions. */
typedef struct RuvectorHalfvec
{
	int32		vl_len_;
	int16		dim;
	int16		unused;
	uint16		x[FLEXIBLE_ARRAY_MEMBER];
} RuvectorHalfvec;

/* sparsevec: nnz (index, value) pairs; indices 0-based and ascending; the values follow the indices. */
typedef struct RuvectorSparsevec
{
	int32		vl_len_;
	int32		dim;			/* 1 to 1,000,000,000 */
	int32		nnz;			/* 0 to 16,000 */
	int32		unused;
	int32		indices[FLEXIBLE_ARRAY_MEMBER];
} RuvectorSparsevec;

#define RUVECTOR_SPARSEVEC_VALUES(v) ((float *) ((v)->indices + (v)->nnz))

#endif
