package rucio

import "strings"

// Exception is the name of a class of rucio.common.exception (or of a Python built-in that the server or its client
// raises), and an error to compare with: errors.Is(err, rucio.ErrDataIdentifierNotFound). A class that this list does not
// hold yet, of a newer server or a policy package, is rucio.Exception("ItsName") and compares the same way.
type Exception string

// Error implements error.
func (e Exception) Error() string { return string(e) }

// Families of exceptions, for callers to whom the exact class does not matter. Rucio's own hierarchy is nearly flat.
const (
	// ErrRucioException is the root: every class but Python's built-ins belongs to it.
	ErrRucioException Exception = "RucioException"
	// ErrNotFound is any class that says that what was asked for does not exist ("...NotFound").
	ErrNotFound Exception = "NotFound"
	// ErrAlreadyExists is any class that says that what was to be made is there already ("Duplicate...", "...AlreadyExists").
	ErrAlreadyExists Exception = "AlreadyExists"
)

// Python's built-ins, as the server names them and as the Python client raises them for wrong arguments.
const (
	ErrValueError          Exception = "ValueError"
	ErrTypeError           Exception = "TypeError"
	ErrKeyError            Exception = "KeyError"
	ErrNotImplementedError Exception = "NotImplementedError"
	// ErrReadTimeout is what the requests library raises when the server is silent for longer than the timeout.
	ErrReadTimeout Exception = "ReadTimeout"
	// ErrCancelled is a call whose context ended first; Python has no word for it.
	ErrCancelled Exception = "Cancelled"
)

// Who may do what.
const (
	ErrAccessDenied             Exception = "AccessDenied"
	ErrCannotAuthenticate       Exception = "CannotAuthenticate"
	ErrCannotAuthorize          Exception = "CannotAuthorize"
	ErrNoAuthInformation        Exception = "NoAuthInformation"
	ErrErrorLoadingCredentials  Exception = "ErrorLoadingCredentials"
	ErrIdentityError            Exception = "IdentityError"
	ErrIdentityNotFound         Exception = "IdentityNotFound"
	ErrScopeAccessDenied        Exception = "ScopeAccessDenied"
	ErrRSEAccessDenied          Exception = "RSEAccessDenied"
	ErrSourceAccessDenied       Exception = "SourceAccessDenied"
	ErrDestinationNotAccessible Exception = "DestinationNotAccessible"
)

// Accounts, scopes and VOs.
const (
	ErrAccountNotFound          Exception = "AccountNotFound"
	ErrInvalidAccountType       Exception = "InvalidAccountType"
	ErrUnsupportedAccountName   Exception = "UnsupportedAccountName"
	ErrInsufficientAccountLimit Exception = "InsufficientAccountLimit"
	ErrScopeNotFound            Exception = "ScopeNotFound"
	ErrVONotFound               Exception = "VONotFound"
	ErrCounterNotFound          Exception = "CounterNotFound"
)

// Data identifiers and their metadata.
const (
	ErrDataIdentifierAlreadyExists  Exception = "DataIdentifierAlreadyExists"
	ErrDataIdentifierNotFound       Exception = "DataIdentifierNotFound"
	ErrDuplicate                    Exception = "Duplicate"
	ErrDuplicateContent             Exception = "DuplicateContent"
	ErrDIDError                     Exception = "DIDError"
	ErrDIDFilterSyntaxError         Exception = "DIDFilterSyntaxError"
	ErrDuplicateCriteriaInDIDFilter Exception = "DuplicateCriteriaInDIDFilter"
	ErrFilterEngineGenericError     Exception = "FilterEngineGenericError"
	ErrFileAlreadyExists            Exception = "FileAlreadyExists"
	ErrFileConsistencyMismatch      Exception = "FileConsistencyMismatch"
	ErrInvalidMetadata              Exception = "InvalidMetadata"
	ErrKeyNotFound                  Exception = "KeyNotFound"
	ErrInvalidValueForKey           Exception = "InvalidValueForKey"
	ErrUnsupportedKeyType           Exception = "UnsupportedKeyType"
	ErrUnsupportedValueType         Exception = "UnsupportedValueType"
	ErrUnsupportedMetadataPlugin    Exception = "UnsupportedMetadataPlugin"
	ErrMetadataSchemaMismatchError  Exception = "MetadataSchemaMismatchError"
	ErrUnsupportedDIDType           Exception = "UnsupportedDIDType"
	ErrUnsupportedStatus            Exception = "UnsupportedStatus"
	ErrNameTypeError                Exception = "NameTypeError"
)

// Open data.
const (
	ErrOpenDataError                       Exception = "OpenDataError"
	ErrOpenDataDataIdentifierNotFound      Exception = "OpenDataDataIdentifierNotFound"
	ErrOpenDataDataIdentifierAlreadyExists Exception = "OpenDataDataIdentifierAlreadyExists"
	ErrOpenDataInvalidState                Exception = "OpenDataInvalidState"
	ErrOpenDataInvalidStateUpdate          Exception = "OpenDataInvalidStateUpdate"
	ErrOpenDataDuplicateDOI                Exception = "OpenDataDuplicateDOI"
	ErrOpenDataDuplicateRecordID           Exception = "OpenDataDuplicateRecordID"
)

// Rules, locks, subscriptions, lifetimes.
const (
	ErrRuleNotFound                           Exception = "RuleNotFound"
	ErrDuplicateRule                          Exception = "DuplicateRule"
	ErrInvalidReplicationRule                 Exception = "InvalidReplicationRule"
	ErrInvalidRuleWeight                      Exception = "InvalidRuleWeight"
	ErrInvalidRSEExpression                   Exception = "InvalidRSEExpression"
	ErrInvalidSourceReplicaExpression         Exception = "InvalidSourceReplicaExpression"
	ErrInsufficientTargetRSEs                 Exception = "InsufficientTargetRSEs"
	ErrManualRuleApprovalBlocked              Exception = "ManualRuleApprovalBlocked"
	ErrReplicationRuleCreationTemporaryFailed Exception = "ReplicationRuleCreationTemporaryFailed"
	ErrRuleReplaceFailed                      Exception = "RuleReplaceFailed"
	ErrScratchDiskLifetimeConflict            Exception = "ScratchDiskLifetimeConflict"
	ErrStagingAreaRuleRequiresLifetime        Exception = "StagingAreaRuleRequiresLifetime"
	ErrReplicaIsLocked                        Exception = "ReplicaIsLocked"
	ErrSubscriptionDuplicate                  Exception = "SubscriptionDuplicate"
	ErrSubscriptionNotFound                   Exception = "SubscriptionNotFound"
	ErrSubscriptionWrongParameter             Exception = "SubscriptionWrongParameter"
	ErrLifetimeExceptionDuplicate             Exception = "LifetimeExceptionDuplicate"
	ErrLifetimeExceptionNotFound              Exception = "LifetimeExceptionNotFound"
	ErrUndefinedPolicy                        Exception = "UndefinedPolicy"
)

// Replicas, RSEs and storage.
const (
	ErrReplicaNotFound               Exception = "ReplicaNotFound"
	ErrReplicaUnAvailable            Exception = "ReplicaUnAvailable"
	ErrFileReplicaAlreadyExists      Exception = "FileReplicaAlreadyExists"
	ErrMissingSourceReplica          Exception = "MissingSourceReplica"
	ErrRSENotFound                   Exception = "RSENotFound"
	ErrRSEAttributeNotFound          Exception = "RSEAttributeNotFound"
	ErrRSEWriteBlocked               Exception = "RSEWriteBlocked"
	ErrRSENotConnected               Exception = "RSENotConnected"
	ErrRSEProtocolNotSupported       Exception = "RSEProtocolNotSupported"
	ErrRSEProtocolPriorityError      Exception = "RSEProtocolPriorityError"
	ErrRSEProtocolDomainNotSupported Exception = "RSEProtocolDomainNotSupported"
	ErrRSEOperationNotSupported      Exception = "RSEOperationNotSupported"
	ErrRSEFileNameNotSupported       Exception = "RSEFileNameNotSupported"
	ErrRSEOverQuota                  Exception = "RSEOverQuota"
	ErrRSEChecksumUnavailable        Exception = "RSEChecksumUnavailable"
	ErrFullStorage                   Exception = "FullStorage"
	ErrNoDistance                    Exception = "NoDistance"
	ErrSourceNotFound                Exception = "SourceNotFound"
	ErrInvalidPath                   Exception = "InvalidPath"
	ErrChecksumCalculationError      Exception = "ChecksumCalculationError"
)

// Transfers, uploads and downloads.
const (
	ErrRequestNotFound                 Exception = "RequestNotFound"
	ErrTransferToolTimeout             Exception = "TransferToolTimeout"
	ErrTransferToolWrongAnswer         Exception = "TransferToolWrongAnswer"
	ErrDuplicateFileTransferSubmission Exception = "DuplicateFileTransferSubmission"
	ErrNoFilesUploaded                 Exception = "NoFilesUploaded"
	ErrNotAllFilesUploaded             Exception = "NotAllFilesUploaded"
	ErrNoFilesDownloaded               Exception = "NoFilesDownloaded"
	ErrNotAllFilesDownloaded           Exception = "NotAllFilesDownloaded"
	ErrMetalinkJsonParsingError        Exception = "MetalinkJsonParsingError"
	ErrSortingAlgorithmNotSupported    Exception = "SortingAlgorithmNotSupported"
	ErrTraceValidationSchemaNotFound   Exception = "TraceValidationSchemaNotFound"
)

// Requests, and what the server makes of them.
const (
	ErrInputValidationError            Exception = "InputValidationError"
	ErrInvalidObject                   Exception = "InvalidObject"
	ErrInvalidRequest                  Exception = "InvalidRequest"
	ErrInvalidType                     Exception = "InvalidType"
	ErrUnsupportedOperation            Exception = "UnsupportedOperation"
	ErrUnsupportedRequestedContentType Exception = "UnsupportedRequestedContentType"
	ErrDeprecationError                Exception = "DeprecationError"
	ErrDatabaseException               Exception = "DatabaseException"
	ErrResourceTemporaryUnavailable    Exception = "ResourceTemporaryUnavailable"
	ErrServiceUnavailable              Exception = "ServiceUnavailable"
	ErrServerConnectionException       Exception = "ServerConnectionException"
)

// Configuration of clients, servers and policy packages.
const (
	ErrClientParameterMismatch           Exception = "ClientParameterMismatch"
	ErrClientProtocolNotFound            Exception = "ClientProtocolNotFound"
	ErrClientProtocolNotSupported        Exception = "ClientProtocolNotSupported"
	ErrConfigNotFound                    Exception = "ConfigNotFound"
	ErrConfigurationError                Exception = "ConfigurationError"
	ErrConfigLoadingError                Exception = "ConfigLoadingError"
	ErrConnectionParameterNotFound       Exception = "ConnectionParameterNotFound"
	ErrMissingClientParameter            Exception = "MissingClientParameter"
	ErrMissingDependency                 Exception = "MissingDependency"
	ErrMissingModuleException            Exception = "MissingModuleException"
	ErrInvalidAlgorithmName              Exception = "InvalidAlgorithmName"
	ErrInvalidPolicyPackageAlgorithmType Exception = "InvalidPolicyPackageAlgorithmType"
	ErrPolicyPackageBaseException        Exception = "PolicyPackageBaseException"
	ErrPolicyPackageNotFound             Exception = "PolicyPackageNotFound"
	ErrPolicyPackageVersionError         Exception = "PolicyPackageVersionError"
	ErrPolicyPackageIsNotVersioned       Exception = "PolicyPackageIsNotVersioned"
	ErrErrorLoadingPolicyPackage         Exception = "ErrorLoadingPolicyPackage"
)

// Belongs tells whether e is other, or of the family that other names.
func (e Exception) Belongs(other Exception) bool {
	switch other {
	case e:
		return true
	case ErrRucioException:
		return !e.builtin()
	case ErrNotFound:
		return strings.HasSuffix(string(e), "NotFound")
	case ErrAlreadyExists:
		return strings.HasSuffix(string(e), "AlreadyExists") || e.duplicate()
	case ErrOpenDataError:
		return strings.HasPrefix(string(e), "OpenData")
	case ErrPolicyPackageBaseException:
		return strings.HasPrefix(string(e), "PolicyPackage") || e == ErrErrorLoadingPolicyPackage
	}
	return false
}

// duplicate tells whether e speaks of an object that exists. A filter with a criterion twice is no such thing.
func (e Exception) duplicate() bool {
	switch e {
	case ErrDuplicate, ErrDuplicateContent, ErrDuplicateRule, ErrSubscriptionDuplicate, ErrLifetimeExceptionDuplicate,
		ErrDuplicateFileTransferSubmission, ErrOpenDataDuplicateDOI, ErrOpenDataDuplicateRecordID:
		return true
	}
	return false
}

// builtin tells whether e is one of Python's own classes.
func (e Exception) builtin() bool {
	switch e {
	case "", ErrValueError, ErrTypeError, ErrKeyError, ErrNotImplementedError, ErrReadTimeout, ErrCancelled:
		return true
	}
	return false
}
