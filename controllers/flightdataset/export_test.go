package flightdataset

// Finalizer and DatasetKey are for the tests of this package.
const Finalizer = finalizer

// IndexByDataset is the index whose values DatasetKey gives.
const IndexByDataset = byDataset

// DatasetKey is what the cache indexes by.
var DatasetKey = datasetKey
